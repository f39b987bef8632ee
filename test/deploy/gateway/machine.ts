import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { Person } from '../../person.ts'
import { CONTAINER, machineFolder } from './ability.ts'
import { bareDebian, install, PLAIN, requireTools } from './debian.ts'

const BOOT_MS = 120_000
/** What ends a program that asks something which nobody there answers: timeout(1). */
const AT_TERMINAL = ['timeout', '--foreground', '300']
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

/** A bare Debian 12 with a systemd of its own, a network of its own, and nothing else: a container that was booted. */
export class Machine implements AsyncDisposable {
  readonly #folder: string
  #container: ChildProcess | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes one; not booted yet. */
  static async make(): Promise<Machine> {
    requireTools(TOOLS)
    const folder = machineFolder('holdfast-machine')
    await bareDebian(join(folder, 'root'))
    return new Machine(folder)
  }

  get root(): string {
    return join(this.#folder, 'root')
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text)
  }

  /** Installs packages before it is booted: names, or paths in it. It has no network afterwards. Returns what was said. */
  install(...packages: readonly string[]): Promise<string> {
    return install(this.root, ...packages)
  }

  async boot(): Promise<void> {
    const words = [`--directory=${this.root}`, `--machine=${basename(this.#folder)}`, ...CONTAINER, '--boot']
    this.#container = spawn('systemd-nspawn', words, { stdio: 'ignore' })
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
    const inside = this.#inside()
    if (inside === undefined) return { exitCode: undefined, stdout: '', stderr: 'it is not running' }
    const { exitCode, stdout, stderr } = await execa('nsenter', [...inside, ...command], {
      env: PLAIN,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
    })
    return { exitCode, stdout, stderr }
  }

  /** Runs a line of shell in it, as root; throws when that fails, with the end of its journal. */
  async shell(line: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run('sh', '-ec', line)
    if (exitCode === 0) return stdout
    // What systemctl says of a job that failed is to look there.
    const journal = await this.run('journalctl', '--no-pager', '--lines=20')
    throw new Error(`${line}: exit code ${exitCode}\n${stdout}\n${stderr}\n${journal.stdout}`)
  }

  /** Somebody at a terminal of it, as root, who has typed a command, which is ended after five minutes. Throws while it does not run. */
  person(...command: readonly string[]): Person {
    const inside = this.#inside()
    if (inside === undefined) throw new Error('it is not running')
    const own = Object.entries({ ...PLAIN, TERM: 'xterm', HOME: '/root' }).map(
      ([name, value]) => `${name}=${value}`,
    )
    return new Person(this.root, [
      'nsenter',
      ...inside,
      'env',
      '--ignore-environment',
      ...own,
      ...AT_TERMINAL,
      ...command,
    ])
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

  /** How nsenter(1) is told to run something in it; undefined while it does not run. */
  #inside(): readonly string[] | undefined {
    const init = this.#init()
    if (init === undefined) return undefined
    return ['--target', init, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--']
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
