import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { execa } from 'execa'
import { ROOT } from '../../agent/gateway.ts'

const MIRROR = 'http://deb.debian.org/debian'
/** Machines are made of what is in here, once for a checkout. */
export const CACHE = join(ROOT, 'node_modules/.cache/holdfast-gateway')
const BASE = join(CACHE, 'bookworm')

/** An environment that is nobody's in particular. */
export const PLAIN = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

/** Throws, with the line to run, when a program is missing (named with its Debian package), or who runs this is not root. */
export function requireTools(tools: Readonly<Record<string, string>>): void {
  const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(delimiter)
  const missing = Object.entries(tools).flatMap(([tool, name]) =>
    folders.some(folder => existsSync(join(folder, tool))) ? [] : [name],
  )
  if (missing.length > 0)
    throw new Error(`this needs more of Debian: apt-get install --yes ${[...new Set(missing)].join(' ')}`)
  if (process.getuid?.() !== 0)
    throw new Error('a machine can be booted by root only: sudo npm run test:gateway')
}

/** Copies a bare Debian 12, with systemd and nothing else, to `root`, which must not exist. debootstrap runs once for a checkout. */
export async function bareDebian(root: string): Promise<void> {
  if (!existsSync(join(BASE, 'made'))) {
    rmSync(BASE, { recursive: true, force: true })
    mkdirSync(dirname(BASE), { recursive: true })
    const include = '--include=systemd-sysv'
    await execa('debootstrap', ['--variant=minbase', include, 'bookworm', `${BASE}/root`, MIRROR])
    writeFileSync(join(BASE, 'made'), '')
  }
  await execa('cp', ['--archive', `${BASE}/root`, root])
  cpSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'), { dereference: true })
}

/** Runs a program in a Debian that does not run itself: with a /proc, which a chroot alone would lack. Returns what it said. */
export async function within(root: string, ...command: readonly string[]): Promise<string> {
  const surroundings = ['--pid', '--fork', '--kill-child', '--mount-proc', `--root=${root}`, '--']
  const { all } = await execa('unshare', [...surroundings, ...command], {
    all: true,
    env: { ...PLAIN, DEBIAN_FRONTEND: 'noninteractive' },
    extendEnv: false,
    stdin: 'ignore',
  })
  return all
}

/** Installs packages in a Debian that does not run: names, or paths in it. Returns what apt said. */
export async function install(root: string, ...packages: readonly string[]): Promise<string> {
  await within(root, 'apt-get', '--quiet', '--yes', 'update')
  return within(root, 'apt-get', '--quiet', '--yes', 'install', '--no-install-recommends', ...packages)
}
