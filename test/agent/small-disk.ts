import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Gateway, RunningAgent } from './gateway.ts'

/** Mounting needs a namespace of one's own. Root may have one anywhere; others where the kernel lets them. */
export const NAMESPACE = process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount']
/** Puts what is in the folder $1 on a disk of four megabytes, over the same folder; fills it up where $2 says so. */
const SCRIPT = `
  mount -t tmpfs -o size=4m tmpfs "$2" && cp -a "$1/." "$2" && mount --bind "$2" "$1" || exit
  if [ "$3" = full ]; then cat /dev/zero > "$1/ballast" 2>/dev/null; fi
  shift 3
  exec "$@"
`

/** Whether this kernel lets us mount; where not, in words. */
export function noSmallDisk(): string | false {
  const { status } = spawnSync('unshare', [...NAMESPACE, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'])
  return status === 0
    ? false
    : 'this kernel gives nobody but root a mount namespace: run the tests as root to have these'
}

/** The words before an agent's that give it its state directory on a small disk, which nobody else sees. */
export function onSmallDisk({ folder }: Gateway, fill: 'roomy' | 'full'): string[] {
  const disk = join(folder, 'disk')
  mkdirSync(disk, { recursive: true })
  return ['unshare', ...NAMESPACE, 'sh', '-c', SCRIPT, 'sh', join(folder, 'state'), disk, fill]
}

/** Fills the small disk of an agent to the last byte. */
export function fillDisk(gateway: Gateway, agent: RunningAgent): void {
  const ballast = join(stateOf(gateway, agent), 'ballast')
  try {
    for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

/** Takes the audit log away from under an agent. */
export function deleteAuditLog(folder: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `audit.db${suffix}`), { force: true })
}

/** An agent's state directory, as that process sees it (proc(5), /proc/PID/root). */
export function stateOf({ folder }: Gateway, { pid }: RunningAgent): string {
  return join('/proc', String(pid), 'root', folder, 'state')
}
