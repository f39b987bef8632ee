import { spawnSync } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Gateway, RunningAgent } from './gateway.ts'
import { NAMESPACE } from './small-disk.ts'

/** Mounts the file system in the image $1 over the folder $2, as most hosts do: an error makes it read-only. */
const SCRIPT = 'mount -o loop,errors=remount-ro "$1" "$2" || exit; shift 2; exec "$@"'

/** Whether this machine lets us mount a file system from a file; where not, in words. */
export function noFailingDisk(): string | false {
  const { status } = spawnSync('unshare', [
    ...NAMESPACE,
    'sh',
    '-c',
    'losetup --find && test -d /sys/fs/ext4',
  ])
  return status === 0
    ? false
    : 'only root mounts a file system from a file: run the tests as root to have these'
}

/** A disk with a gateway's state on it, which nobody but its agent sees: the kernel makes it read-only after an error. */
export class FailingDisk {
  readonly #state: string
  readonly #image: string
  readonly #next: string

  private constructor(folder: string) {
    this.#state = join(folder, 'state')
    this.#image = join(folder, 'disk.img')
    this.#next = join(folder, 'next-disk.img')
  }

  /** Makes one with what is in the state directory. */
  static async make({ folder }: Gateway): Promise<FailingDisk> {
    const disk = new FailingDisk(folder)
    writeFileSync(disk.#image, '')
    truncateSync(disk.#image, 16 << 20)
    await execa('mkfs.ext4', ['-q', '-d', disk.#state, disk.#image])
    return disk
  }

  /** The words before an agent's that give it this disk. */
  get inside(): string[] {
    return ['unshare', ...NAMESPACE, 'sh', '-c', SCRIPT, 'sh', this.#image, this.#state]
  }

  /** The disk fails: from now on its file system is read-only, for files too that are open for writing. */
  fail({ pid }: RunningAgent): void {
    const mounts = readFileSync(`/proc/${pid}/mounts`, 'utf8').split('\n')
    const [device = ''] = mounts.find(line => line.split(' ')[1] === this.#state)?.split(' ') ?? []
    writeFileSync(`/sys/fs/ext4/${device.replace('/dev/', '')}/trigger_fs_error`, '1')
  }

  /** What was on it is copied to another one, which is checked and mounted in its place, under the agent that runs. */
  async replace({ pid }: RunningAgent): Promise<void> {
    await execa('cp', ['--sparse=always', this.#image, this.#next])
    // It ends with 1 where it mended something, as it does after an error.
    const { exitCode, stdout } = await execa('e2fsck', ['-f', '-p', this.#next], { reject: false })
    if (exitCode !== 0 && exitCode !== 1) throw new Error(`e2fsck: ${stdout}`)
    const inside = ['nsenter', '--target', String(pid), '--mount', 'sh', '-c']
    const [file = '', ...words] = [...inside, 'umount -l "$2" && mount -o loop "$1" "$2"', 'sh']
    await execa(file, [...words, this.#next, this.#state])
  }
}
