import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'

/** How a container is started: by nobody's order, with a network of its own that leads nowhere. */
export const CONTAINER = ['--register=no', '--keep-unit', '--private-network', '--quiet'] as const
/** How a program runs in a Debian that does not run itself: with a /proc, which a chroot alone would lack. */
export const SURROUNDINGS = ['--pid', '--fork', '--kill-child', '--mount-proc'] as const

/**
 * Why no container can be booted here, in the words of what refused it: a host may be a container itself, or its user somebody. Undefined
 * when one can. A program that is missing is not such a reason: it can be installed.
 */
export async function whyNoContainer(): Promise<string | undefined> {
  // The least that is a system: this host's programs, to be read.
  const root = mkdtempSync(join(tmpdir(), 'holdfast-probe-'))
  try {
    for (const folder of ['usr', 'etc']) mkdirSync(join(root, folder))
    for (const folder of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(join('usr', folder), join(root, folder))
    const machine = [`--directory=${root}`, `--machine=${basename(root)}`, '--bind-ro=/usr']
    return await refusal('systemd-nspawn', [...machine, ...CONTAINER, '--', '/usr/bin/true'])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Why no disk with a Debian on it can be made here, for a computer in software; undefined when one can. */
export function whyNoDisk(): Promise<string | undefined> {
  return refusal('unshare', [...SURROUNDINGS, '--root=/', '--', '/usr/bin/true'])
}

async function refusal(program: string, words: readonly string[]): Promise<string | undefined> {
  if (process.arch !== 'x64')
    return `the package that is tried is for x86-64, and this host is ${process.arch}`
  if (process.getuid?.() !== 0) return 'only root can make a machine: sudo npm run test:gateway'
  const { exitCode, stderr, code } = await execa(program, words, { reject: false, stdin: 'ignore' })
  if (exitCode === 0 || code === 'ENOENT') return undefined
  const said = stderr.trim().split('\n').at(-1) ?? ''
  return `this host does not let root do it: ${said.startsWith(program) ? said : `${program}: ${said}`}`
}
