import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { ROOT } from '../../agent/gateway.ts'
import { SURROUNDINGS } from './ability.ts'

const MIRROR = 'http://deb.debian.org/debian'
/** Machines are made of what is in here, once for a checkout. */
export const CACHE = join(ROOT, 'node_modules/.cache/holdfast-gateway')
const BASE = join(CACHE, 'bookworm')

/** An environment that is nobody's in particular. */
export const PLAIN = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

/** Throws, with the line to run, when a program is missing (named with its Debian package). */
export function requireTools(tools: Readonly<Record<string, string>>): void {
  const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(delimiter)
  const missing = Object.entries(tools).flatMap(([tool, name]) =>
    folders.some(folder => existsSync(join(folder, tool))) ? [] : [name],
  )
  if (missing.length > 0)
    throw new Error(
      `this needs more of Debian (${[...new Set(missing)].join(', ')}): run bin/setup --gateway, then try again`,
    )
}

/** Makes it where it is not made: whoever else wants it meanwhile waits. $0 is its folder. */
const DEBOOTSTRAP = `test -e "$0/made" || {
  rm -rf "$0"
  debootstrap --variant=minbase --include=systemd-sysv bookworm "$0/root" ${MIRROR}
  touch "$0/made"
}`

/** Copies a bare Debian 12, with systemd and nothing else, to `root`, which must not exist. debootstrap runs once for a checkout. */
export async function bareDebian(root: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true })
  await execa('flock', [`${BASE}.lock`, 'sh', '-ec', DEBOOTSTRAP, BASE], { stdin: 'ignore' })
  await execa('cp', ['--archive', `${BASE}/root`, root])
  cpSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'), { dereference: true })
}

/** Runs a program in a Debian that does not run itself. Returns what it said. */
export async function within(root: string, ...command: readonly string[]): Promise<string> {
  const { all } = await execa('unshare', [...SURROUNDINGS, `--root=${root}`, '--', ...command], {
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
