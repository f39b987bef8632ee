import { type ChildProcess, spawn } from 'node:child_process'
import {
  accessSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { ROOT } from '../../agent/gateway.ts'

const MIRROR = 'http://deb.debian.org/debian'
const BASE = join(ROOT, 'node_modules/.cache/holdfast-gateway/bookworm')
const BOOT_MS = 120_000
const LOOK_MS = 250

/** What making and booting a machine takes, and the Debian package that brings it. */
const TOOLS = {
  debootstrap: 'debootstrap',
  'systemd-nspawn': 'systemd-container',
  nsenter: 'util-linux',
  'dpkg-deb': 'dpkg',
}

export interface Answer {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** Throws, with the line to run, when something is missing that these tests cannot do without. */
export function requireTools(): void {
  const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(delimiter)
  const missing = Object.entries(TOOLS).flatMap(([tool, name]) =>
    folders.some(folder => existsSync(join(folder, tool))) ? [] : [name],
  )
  if (missing.length > 0)
    throw new Error(`this needs more of Debian: apt-get install --yes ${missing.join(' ')}`)
  if (process.getuid?.() !== 0)
    throw new Error('a machine can be booted by root only: sudo npm run test:gateway')
}

/** A bare Debian 12 with a systemd of its own, a network of its own, and nothing else: a container that was booted. */
export class Machine implements AsyncDisposable {
  readonly #folder: string
  #container: ChildProcess | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes one; not booted yet. debootstrap runs once for a checkout. */
  static async make(): Promise<Machine> {
    requireTools()
    if (!existsSync(join(BASE, 'made'))) await Machine.#bootstrap()
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-machine-'))
    await execa('cp', ['--archive', `${BASE}/root`, folder])
    cpSync('/etc/resolv.conf', join(folder, 'root/etc/resolv.conf'), { dereference: true })
    return new Machine(folder)
  }

  static async #bootstrap(): Promise<void> {
    rmSync(BASE, { recursive: true, force: true })
    mkdirSync(dirname(BASE), { recursive: true })
    const include = '--include=systemd-sysv'
    await execa('debootstrap', ['--variant=minbase', include, 'bookworm', `${BASE}/root`, MIRROR])
    writeFileSync(join(BASE, 'made'), '')
  }

  get root(): string {
    return join(this.#folder, 'root')
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text)
  }

  /** Installs packages before it is booted: names, or paths in it. It has no network afterwards. Returns what was said. */
  async install(...packages: readonly string[]): Promise<string> {
    const apt = (...words: string[]) =>
      execa('chroot', [this.root, 'apt-get', '--quiet', '--yes', ...words], {
        all: true,
        env: { ...PLAIN, DEBIAN_FRONTEND: 'noninteractive' },
        extendEnv: false,
        stdin: 'ignore',
      })
    await apt('update')
    const { all } = await apt('install', '--no-install-recommends', ...packages)
    return all
  }

  async boot(): Promise<void> {
    const options = ['--register=no', '--keep-unit', '--private-network', '--quiet', '--boot']
    this.#container = spawn('systemd-nspawn', ['--directory', this.root, ...options], { stdio: 'ignore' })
    await this.until('it has booted', async () => {
      const { stdout } = await this.run('systemctl', 'is-system-running')
      return stdout === 'running' || stdout === 'degraded'
    })
  }

  async shutDown(): Promise<void> {
    const container = this.#container
    if (!container || container.exitCode !== null) return
    const ended = new Promise(resolve => container.once('exit', resolve))
    await this.run('systemctl', 'poweroff')
    await ended
    this.#container = undefined
  }

  /** Runs a program in it, as root. Never throws. */
  async run(...command: readonly string[]): Promise<Answer> {
    const init = this.#init()
    if (init === undefined) return { exitCode: undefined, stdout: '', stderr: 'it is not running' }
    const inside = ['--target', init, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--']
    const { exitCode, stdout, stderr } = await execa('nsenter', [...inside, ...command], {
      env: PLAIN,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
    })
    return { exitCode, stdout, stderr }
  }

  /** Runs a line of shell in it, as root; throws when that fails. */
  async shell(line: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run('sh', '-ec', line)
    if (exitCode !== 0) throw new Error(`${line}: exit code ${exitCode}\n${stdout}\n${stderr}`)
    return stdout
  }

  /** Waits until something is so. Throws, with what it was, after two minutes. */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + BOOT_MS
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`waited for two minutes, and not yet: ${what}`)
      await delay(LOOK_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutDown()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** The process that is 1 inside, as it is known outside. */
  #init(): string | undefined {
    const pid = this.#container?.pid
    if (pid === undefined) return undefined
    try {
      accessSync(`/proc/${pid}`)
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] || undefined
    } catch {
      return undefined
    }
  }
}

const PLAIN = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }
