import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'

/** Where machines are made: /tmp may be in memory, and take no devices (`nodev`), which a Debian's /dev is made of. */
const PLACE = process.env.TMPDIR ?? '/var/tmp'
/** How a container is started: by nobody's order, with a network of its own that leads nowhere. */
export const CONTAINER = ['--register=no', '--keep-unit', '--private-network', '--quiet'] as const
/** How a program runs in a Debian that does not run itself: with a /proc, which a chroot alone would lack. */
export const SURROUNDINGS = ['--pid', '--fork', '--kill-child', '--mount-proc'] as const

/** Whether a device can be made in the folder $0, and be used. */
const DEVICE = 'mknod "$0/null" c 1 3 && : >"$0/null"'
/** Where root may not set networks up, a container starts all the same, with a loopback that is down: netdevice(7), IFF_UP. */
const LOOPBACK = "grep -q '0x[0-9]*[13579]$' /sys/class/net/lo/flags"

/** Makes a folder for a machine, or for what it is made of. */
export function machineFolder(name: string): string {
  return mkdtempSync(join(PLACE, `${name}-`))
}

/**
 * Why no disk with a Debian on it can be made here, for a computer in software, in the words of what refused it: a host may be a container
 * itself, or its user somebody. Undefined when one can. A program that is missing is not such a reason: it can be installed.
 */
export function whyNoDisk(): Promise<string | undefined> {
  return refusal(folder => ['unshare', ...SURROUNDINGS, '--root=/', '--', 'sh', '-c', DEVICE, folder])
}

/** Why no container can be booted here, likewise. */
export async function whyNoContainer(): Promise<string | undefined> {
  const whyNot = await whyNoDisk()
  if (whyNot !== undefined) return whyNot
  return await refusal(folder => {
    // The least that is a system: this host's programs, to be read.
    for (const name of ['usr', 'etc']) mkdirSync(join(folder, name))
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(join('usr', name), join(folder, name))
    const root = [`--directory=${folder}`, `--machine=${basename(folder)}`, '--bind-ro=/usr']
    return ['systemd-nspawn', ...root, ...CONTAINER, '--', 'sh', '-c', LOOPBACK]
  })
}

async function refusal(
  words: (folder: string) => readonly [program: string, ...words: string[]],
): Promise<string | undefined> {
  if (process.arch !== 'x64')
    return `the package that is tried is for x86-64, and this host is ${process.arch}`
  if (process.getuid?.() !== 0) return 'only root can make a machine: sudo npm run test:gateway'
  const folder = machineFolder('holdfast-probe')
  try {
    const [program, ...rest] = words(folder)
    const { exitCode, stderr, code } = await execa(program, rest, { reject: false, stdin: 'ignore' })
    if (exitCode === 0 || code === 'ENOENT') return undefined
    const said = stderr.trim().replaceAll('\n', '; ')
    return `this host does not let root do it: ${said.startsWith(program) ? said : `${program}: ${said}`}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
