import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'

const HERE = join(import.meta.dirname, 'witness')
/** Where bin/setup unpacks open62541 on a Debian that has none. */
const UNPACKED = join(HERE, 'debian-13/usr')

export interface Held {
  readonly out: number
  readonly in: number
  /** How many methods were carried out. */
  readonly calls: number
}

/** A server of open62541, an implementation in C that shares no code with ours. */
export class Open62541 implements AsyncDisposable {
  readonly #program: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  readonly port: number

  private constructor(program: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, port: number) {
    this.#program = program
    this.#lines = lines
    this.port = port
  }

  /** Compiles and starts it, with this certificate of its own. `trusted` are files in PEM: applications and users. */
  static async start(
    folder: string,
    own: { readonly certificate: string; readonly key: string },
    uri: string,
    trusted: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Open62541> {
    const program = join(folder, 'open62541-device')
    const isUnpacked = existsSync(UNPACKED)
    const { stdout: triplet } = await execa('gcc', ['-print-multiarch'])
    const libraries = isUnpacked ? join(UNPACKED, 'lib', triplet) : join('/usr/lib', triplet)
    const include = isUnpacked ? ['-I', join(UNPACKED, 'include')] : []
    const linked = [join(libraries, 'libopen62541.so.1.4'), '-Wl,--allow-shlib-undefined']
    await execa('gcc', [
      '-O1',
      '-Werror=implicit-function-declaration',
      ...include,
      '-o',
      program,
      join(HERE, 'open62541_device.c'),
      ...linked,
    ])
    const key = join(folder, 'open62541.key.der')
    await execa('openssl', ['pkey', '-in', own.key, '-outform', 'DER', '-out', key])
    const certificates = await Promise.all([own.certificate, ...trusted].map(path => derOf(path)))
    const [certificate = '', ...others] = certificates
    const child = spawn(program, [certificate, key, uri, ...others], {
      env: { ...process.env, ...environment, LD_LIBRARY_PATH: libraries },
    })
    child.stderr.pipe(process.stderr)
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const { url } = JSON.parse((await lines.next()).value ?? '{}') as { url: string }
    return new Open62541(child, lines, Number(/:(\d+)\/?$/.exec(url)?.[1]))
  }

  /** `set In 5`, `set Out 5`, `status In 80000000` (a status code in hex), `refuse 80000000`; anything else only asks. */
  async ask(line = 'show'): Promise<Held> {
    this.#program.stdin.write(`${line}\n`)
    return JSON.parse((await this.#lines.next()).value ?? '{}') as Held
  }

  /** Stops it in the middle of whatever it does, and lets it go on. */
  pause(): void {
    this.#program.kill('SIGSTOP')
  }

  resume(): void {
    this.#program.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#program.exitCode !== null || this.#program.signalCode !== null) return
    const ended = once(this.#program, 'exit')
    this.#program.kill('SIGKILL')
    await ended
  }
}

async function derOf(pem: string): Promise<string> {
  const path = `${pem}.der`
  await writeFile(path, new X509Certificate(await readFile(pem)).raw)
  return path
}
