import type { Stats } from 'node:fs'

/** A user with its groups: who is to read or to own something. */
export interface Reader {
  readonly name: string
  readonly uid: number
  readonly groups: readonly number[]
}

const READ = 4
const WRITE = 2

/** Whether the permission bits let a user read. Access lists are not looked at: holdfast makes none. */
export function mayRead(reader: Reader, stats: Pick<Stats, 'mode' | 'uid' | 'gid'>): boolean {
  return may(reader, stats, READ)
}

export function mayReadAndWrite(reader: Reader, stats: Pick<Stats, 'mode' | 'uid' | 'gid'>): boolean {
  return may(reader, stats, READ) && may(reader, stats, WRITE)
}

function may({ uid, groups }: Reader, stats: Pick<Stats, 'mode' | 'uid' | 'gid'>, bit: number): boolean {
  if (uid === 0) return true
  if (stats.uid === uid) return (stats.mode & (bit << 6)) !== 0
  if (groups.includes(stats.gid)) return (stats.mode & (bit << 3)) !== 0
  return (stats.mode & bit) !== 0
}
