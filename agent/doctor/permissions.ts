import { lstat } from 'node:fs/promises'
import { error, type Finding, notChecked, ok } from './finding.ts'
import { mayRead, type Reader } from './reader.ts'

/** A file or folder that not everybody may do everything with. */
export interface GuardedPath {
  readonly path: string
  readonly what: string
  /** The permission bits that it may have at most. */
  readonly modeMax: number
  /** Whose it may be, by number; root's always. */
  readonly owners: readonly number[]
  /** Root may own it too, or nobody but the owners: what the agent writes must be its own. */
  readonly rootMayOwn: boolean
  /** Whether it is an error that it is not there. */
  readonly needed: boolean
}

/** Looks at owner and mode of each, and whether the agent can read it. Says one thing where all are as they should be. */
export async function checkPermissions(paths: readonly GuardedPath[], agent: Reader): Promise<Finding[]> {
  const found = await Promise.all(paths.map(path => look(path, agent)))
  const bad = found.filter((finding): finding is Finding => typeof finding === 'object')
  const right = found.filter(finding => finding === 'right').length
  return right === 0 ? bad : [...bad, ok(`owner and mode of ${right} files and folders are right`)]
}

async function look(guarded: GuardedPath, agent: Reader): Promise<Finding | 'right' | 'absent'> {
  const { path, what, modeMax, owners, rootMayOwn, needed } = guarded
  const stats = await lstat(path).catch((failure: NodeJS.ErrnoException) => failure)
  if (stats instanceof Error) {
    if (stats.code === 'EACCES')
      return notChecked(`${what} ${path}: this user may not look there`, 'run this as root')
    if (stats.code !== 'ENOENT') return error(`${what} ${path}: ${stats.message}`, `ls -ld ${path}`)
    return needed ? error(`${what} ${path} is not there`, 'holdfast init makes it') : 'absent'
  }
  if (stats.isSymbolicLink()) return 'right'
  const mode = stats.mode & 0o7777
  const wished = octal(mode & modeMax)
  if ((mode & ~modeMax) !== 0)
    return error(
      `${what} ${path} has the mode ${octal(mode)}: others may ${mode & ~modeMax & 0o022 ? 'write' : 'read'} there`,
      `chmod ${wished} ${path}`,
    )
  if (!owners.includes(stats.uid) && !(rootMayOwn && stats.uid === 0))
    return error(
      `${what} ${path} belongs to user ${stats.uid}, and the agent runs as ${agent.name}`,
      `chown ${agent.name}: ${path}`,
    )
  if (!mayRead(agent, stats))
    return error(
      `${agent.name} cannot read ${what} ${path}`,
      `chgrp ${agent.name} ${path}; chmod g+r ${path}`,
    )
  return 'right'
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
