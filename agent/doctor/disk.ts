import { constants } from 'node:fs'
import { access, open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Millis } from '../../model/time.ts'
import { error, type Finding, notChecked, ok, warning } from './finding.ts'

const MB = 1_000_000
/** A flood of refusals writes at most ten megabytes a day (docs/AUDIT_FORMAT.md); a checkpoint of the log takes sixteen at once. */
const FREE_LEAST = 32 * MB
const FREE_ENOUGH = 500 * MB
const FILES_LEAST = 100
const SYNC_SLOW: Millis = 500

/** File systems by their magic numbers (statfs(2)): those that keep nothing, and those that lock and sync as they please. */
const MEMORY = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])
const NETWORK = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
])

/** Looks at the disk under a folder: its kind, its room, and whether what is written there can be made durable. Writes nothing. */
export async function checkDisk(folder: string, clock: Clock): Promise<Finding[]> {
  const at = await nearest(folder)
  try {
    const { type, bavail, bsize, files, ffree } = await statfs(at)
    const free = bavail * bsize
    return [
      ...ofKind(at, type),
      ofRoom(at, free),
      ...(files > 0 && ffree < FILES_LEAST
        ? [
            error(
              `${ffree} more files fit on the disk of ${at}`,
              `df -i ${at}; remove files that nobody needs`,
            ),
          ]
        : []),
      await ofSync(at, clock),
    ]
  } catch (failure) {
    return [notChecked(`the disk of ${folder}: ${(failure as Error).message}`, 'run this as root')]
  }
}

function ofKind(at: string, type: number): Finding[] {
  const memory = MEMORY.get(type)
  if (memory !== undefined)
    return [
      error(
        `${at} is in memory (${memory}): audit log, latches and key files are gone with the next restart`,
        'put state_dir on a disk: ext4 or xfs',
      ),
    ]
  const network = NETWORK.get(type)
  if (network === undefined) return []
  return [
    error(
      `${at} is on ${network}: the audit log needs a local file system`,
      'put state_dir on a local disk: ext4 or xfs',
    ),
  ]
}

function ofRoom(at: string, free: number): Finding {
  const room = `${Math.floor(free / MB)} MB are free on the disk of ${at}`
  if (free < FREE_LEAST)
    return error(
      `${room}: once it is full, commands away from safe are refused`,
      'make room: journalctl --vacuum-size=100M; holdfast audit prune moves old records away',
    )
  if (free < FREE_ENOUGH)
    return warning(
      `${room}`,
      'make room: journalctl --vacuum-size=100M; holdfast audit prune moves old records away',
    )
  return ok(room)
}

/** Making a folder durable writes nothing that was not written by somebody else already (fsync(2)). */
async function ofSync(at: string, clock: Clock): Promise<Finding> {
  const isReadOnly = await access(at, constants.W_OK).then(
    () => false,
    (failure: NodeJS.ErrnoException) => failure.code === 'EROFS',
  )
  if (isReadOnly)
    return error(`${at} is mounted read-only`, `dmesg | tail; mount -o remount,rw the disk of ${at}`)
  await using folder = await open(at, 'r')
  const began = clock.monotonic()
  const trouble = await folder.sync().then(
    () => undefined,
    (failure: Error) => failure.message,
  )
  const took = clock.monotonic() - began
  if (trouble !== undefined)
    return error(`nothing can be made durable in ${at}: ${trouble}`, 'dmesg | tail: the disk may be failing')
  return took < SYNC_SLOW
    ? ok(`a sync of ${at} took ${took.toFixed(1)} ms`)
    : warning(
        `a sync of ${at} took ${Math.round(took)} ms, and each command waits for two`,
        'look for what else writes to this disk (iostat -x 1), or take a faster one',
      )
}

/** The folder, or before there is one the closest that there is. */
async function nearest(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    (failure: NodeJS.ErrnoException) => failure.code !== 'ENOENT',
  )
  return isThere || folder === dirname(folder) ? folder : await nearest(dirname(folder))
}
