import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { appendFile, copyFile, glob, mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { openBreakGlass } from '../../agent/credential/break-glass/seal.ts'
import { readSheet } from '../../agent/credential/break-glass/sheet.ts'
import { chainSecret, checkpointSeedMessage, epochMessage, hmacSha256 } from '../../agent/credential/chain.ts'
import { envelopeKeyMessage } from '../../agent/credential/envelope.ts'
import { type Credential, parseKeyId } from '../../model/credential.ts'
import { type Gateway, HOLDFAST } from '../agent/gateway.ts'
import { foundIn } from './traces.ts'

const OF = { environment: 'demo', gateway: 'waterworks-1' }
/** Whose files are meant to hold a secret, whatever they are called: the TPM, and whoever has a credential. */
const HOLDERS = [/^tpm\//, /\.credential$/]

export interface Surroundings {
  /** What it reads on standard input. */
  readonly input?: string
  /** A module that is loaded before it. */
  readonly preloaded?: string
  /** How it may end; done or refused unless given. */
  readonly codes?: readonly number[]
}

/**
 * A day of a gateway: everything that comes out of it, and every secret that must not be in it. What is no secret and looks like one, the
 * marker, shows that the search sees what it looks at.
 */
export class Day implements AsyncDisposable {
  readonly gateway: Gateway
  readonly secrets = new Map<string, Uint8Array>()
  /** What was written to terminals and sent to clients, by where. */
  readonly sinks = new Map<string, string>()
  /** Texts of shares; they are shown once, by the command that makes them. */
  readonly shares: string[] = []
  /** Lines for emergency sheets; they are shown once too. */
  readonly sheets: string[] = []
  readonly marker = randomBytes(32)
  /** Each file that others keep their own secrets in, by its path in the gateway's folder, and the names of those. */
  readonly #held = new Map<string, readonly string[]>()
  readonly #agents = new AsyncDisposableStack()
  #programs = 0

  constructor(gateway: Gateway) {
    this.gateway = gateway
  }

  /** Notes secrets that a file of the gateway's folder is meant to hold: that one and no other. */
  hold(file: string, secrets: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, secret] of secrets) this.secrets.set(name, secret)
    this.#held.set(file, [...secrets.keys()])
  }

  /** Copies every such file to a place where it does not belong; gives what a search must say of that. */
  async misplace(): Promise<string[]> {
    const at = (file: string) => join(this.gateway.folder, file)
    for (const file of this.#held.keys()) await copyFile(at(file), at(`${file}.misplaced`))
    return [...this.#held]
      .flatMap(([file, names]) => names.map(name => `${name} is in ${file}.misplaced`))
      .sort()
  }

  /** Runs a command of ours; whatever it prints is a sink, but for the shares and the sheet that it was asked for. */
  async run(...words: string[]): Promise<string> {
    return await this.runWith({}, ...words)
  }

  async runWith({ input, preloaded, codes = [0, 3] }: Surroundings, ...words: string[]): Promise<string> {
    const [file, ...rest] = [...(await this.#watched()), HOLDFAST, ...words]
    const { exitCode, stdout, stderr } = await execa(file, rest, {
      reject: false,
      cwd: this.gateway.folder,
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
      ...(preloaded === undefined ? {} : { env: { NODE_OPTIONS: `--import ${preloaded}` } }),
    })
    assert.ok(codes.includes(exitCode ?? -1), `${words.join(' ')}: ${exitCode}: ${stderr}${stdout}`)
    const { shares = [], sheet } = asked(stdout)
    this.shares.push(...shares)
    if (sheet !== undefined) this.sheets.push(sheet)
    const shown = [...shares, ...(sheet === undefined ? [] : [sheet])]
    const printed = shown.reduce((text, one) => text.replace(one, ''), stdout)
    this.#note(words, printed + stderr)
    return stdout
  }

  /** Runs a command that goes on until it is interrupted, which it is when it has printed so many lines. */
  async runUntil(lines: number, ...words: string[]): Promise<void> {
    const [file, ...rest] = [...(await this.#watched()), HOLDFAST, ...words]
    const program = execa(file, rest, { reject: false, cwd: this.gateway.folder, stdin: 'ignore' })
    let printed = 0
    createInterface({ input: program.stdout }).on('line', () => {
      printed += 1
      if (printed === lines) program.kill('SIGINT')
    })
    const { exitCode, stdout, stderr } = await program
    assert.equal(exitCode, 0, stderr)
    this.#note(words, stdout + stderr)
  }

  /** Starts an agent whose output goes to files of the gateway's folder, both streams as they are. */
  async startAgent(name: string): Promise<{ address: string; panels: string; stop: () => Promise<void> }> {
    const to = (stream: string) => ({ file: join(this.gateway.folder, `${name}.${stream}`) })
    const words = ['agent', '--config', this.gateway.config, '--log-level', 'debug']
    const [file, ...rest] = [...(await this.#watched()), HOLDFAST, ...words]
    const program = execa(file, rest, {
      reject: false,
      buffer: false,
      stdin: 'ignore',
      stdout: ['pipe', to('out')],
      stderr: to('err'),
    })
    this.#agents.defer(async () => {
      program.kill('SIGKILL')
      await program
    })
    const addresses = new Map<unknown, string>()
    const ready = Promise.withResolvers<void>()
    createInterface({ input: program.stdout }).on('line', text => {
      const line = JSON.parse(text) as Record<string, unknown>
      if (line.listener !== undefined && line.address !== undefined)
        addresses.set(line.listener, String(line.address))
      if (line.event === 'ready') ready.resolve()
    })
    void program.then(() => ready.reject(new Error('the agent ended')))
    await ready.promise
    for (const about of ['cmdline', 'environ'])
      this.sinks.set(`${name} ${about}`, await readFile(`/proc/${program.pid}/${about}`, 'latin1'))
    const stop = async () => {
      program.kill('SIGTERM')
      assert.equal((await program).exitCode, 0)
    }
    return { address: addresses.get('plant-lan') ?? '', panels: addresses.get('panels') ?? '', stop }
  }

  async issue(
    subject: string,
    role: string,
    ...more: string[]
  ): Promise<{ file: string; credential: Credential }> {
    const file = join(this.gateway.folder, `${role}-${this.secrets.size}.credential`)
    const who = ['--subject', subject, '--role', role, '--out', file]
    await this.run('credential', 'issue', '--agent', this.gateway.adminSocket, ...who, ...more)
    return { file, credential: await this.takeCredential(file) }
  }

  /** Notes the secret of a credential in a file. */
  async takeCredential(file: string): Promise<Credential> {
    const credential = JSON.parse(await readFile(file, 'utf8')) as Credential
    this.secrets.set(`the credential ${credential.keyid}`, Buffer.from(credential.secret, 'base64url'))
    return credential
  }

  /** Notes all that hangs on a master key: epoch keys, the keys of each credential's chain, the checkpoints' seed. */
  derive(name: string, master: Uint8Array, generation: number, credentials: readonly Credential[]): void {
    this.secrets.set(name, master)
    this.secrets.set(`${name}: checkpoints`, hmacSha256(master, checkpointSeedMessage({ ...OF, generation })))
    for (const { keyid, secret } of credentials) {
      const parsed = parseKeyId(keyid)
      if (parsed?.generation !== generation) continue
      const epochKey = hmacSha256(master, epochMessage(parsed))
      this.secrets.set(`${name}: epoch ${parsed.epoch}`, epochKey)
      for (let length = 0; length <= parsed.caveats.length; length += 1) {
        const key = chainSecret(epochKey, parsed.identifier, parsed.caveats.slice(0, length))
        this.secrets.set(`${name}: K${length} of ${parsed.serial}`, key)
        if (length === parsed.caveats.length)
          assert.equal(key.toString('base64url'), secret, 'the test knows the keys that the agent uses')
      }
    }
  }

  /** Notes what is on an emergency sheet and what it opens, the key that is sealed now; gives that key. */
  async takeSheet(at: number): Promise<Uint8Array> {
    const sheet = readSheet(this.sheets[at] ?? '', OF)
    assert.ok(sheet.kind === 'code')
    const path = join(this.gateway.folder, 'state', 'break-glass.sealed')
    const opened = await openBreakGlass(path, sheet.code, OF, process.getuid?.() ?? 0)
    assert.ok(opened.kind === 'opened')
    const envelope = envelopeKeyMessage({ purpose: 'break-glass', ...OF }, 0)
    this.secrets.set(`the code of sheet ${at + 1}`, sheet.code)
    this.secrets.set(`the envelope's key of sheet ${at + 1}`, hmacSha256(sheet.code, envelope))
    this.secrets.set(`the emergency key of sheet ${at + 1}`, opened.key)
    return opened.key
  }

  /** Has the audit log printed by every program that prints one, in every form that there is. */
  async readLog(): Promise<void> {
    const log = this.gateway.auditLog
    for (const format of ['jsonl', 'rfc5424', 'ocsf', 'cef'])
      await this.run('audit', 'export', log, '--format', format)
    for (const form of [[], ['--csv'], ['--json']]) await this.run('audit', 'query', log, '--all', ...form)
    const records = this.gateway.records()
    const marked = records.find(({ reason }) => reason === this.marker.toString('hex'))
    await this.run('audit', 'prove', log, '--record', String(marked?.seq))
    await this.run('audit', 'prove', log, '--record', String(marked?.seq), '--tlog-proof')
    await this.run('audit', 'prove', log, '--since', '1')
    // One line more: what each column is.
    await this.runUntil(records.length + 1, 'audit', 'tail', log, '--lines', '10000')
    await this.runUntil(records.length, 'audit', 'tail', log, '--lines', '10000', '--json')
    await this.run('audit', 'backup', log, '--out', join(this.gateway.folder, 'backup.db'))
  }

  /** Searches everything that was printed and sent, and every file but those that are meant to hold a secret. */
  async found(): Promise<string[]> {
    const found: string[] = []
    for await (const [where, written] of this.#everything()) found.push(...this.#search(where, written))
    return found.sort()
  }

  /** Where the marker is, and where it is not. */
  async marked(): Promise<{ readonly in: readonly string[]; readonly notIn: readonly string[] }> {
    const marked = { in: [] as string[], notIn: [] as string[] }
    const marker = new Map([['the marker', this.marker]])
    for await (const [where, written] of this.#everything())
      (foundIn(written, marker).length > 0 ? marked.in : marked.notIn).push(where)
    return marked
  }

  /** Writes the marker to every sink, to each in one of the ways in which somebody writes bytes by mistake. */
  async mark(): Promise<void> {
    const { marker } = this
    const ways = [
      marker.toString('hex'),
      marker.toString('base64'),
      marker.toString('base64url'),
      `[${marker.join(', ')}]`,
    ]
    let turn = 0
    const next = () => ways[turn++ % ways.length] ?? ''
    for await (const [where] of this.#everything()) {
      const printed = this.sinks.get(where)
      if (printed === undefined) await appendFile(join(this.gateway.folder, where), next())
      else this.sinks.set(where, printed + next())
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents.disposeAsync()
  }

  /** The words before a program's that note the arguments and the environment of it and of whatever it starts, in a file that is a sink. */
  async #watched(): Promise<[string, ...string[]]> {
    this.#programs += 1
    const folder = join(this.gateway.folder, 'started')
    await mkdir(folder, { recursive: true })
    const trace = join(folder, String(this.#programs))
    const watch = ['-D', '-f', '--seccomp-bpf', '-e', 'trace=execve', '-v', '-s', '65536', '-o', trace]
    return ['strace', ...watch]
  }

  #note(words: readonly string[], printed: string): void {
    const plain = words.filter(word => !word.includes(this.gateway.folder))
    this.sinks.set(`${plain.join(' ')} (${this.#programs})`, printed)
  }

  async *#everything(): AsyncGenerator<readonly [where: string, written: Uint8Array | string]> {
    yield* this.sinks
    const { folder } = this.gateway
    let files = 0
    for await (const name of glob('**', { cwd: folder })) {
      if (!(await stat(join(folder, name)).then(file => file.isFile()))) continue
      if (this.#held.has(name) || HOLDERS.some(form => form.test(name))) continue
      files += 1
      yield [name, await readFile(join(folder, name))]
    }
    assert.ok(files >= 5, 'there are files to search')
  }

  #search(where: string, written: Uint8Array | string): string[] {
    const text = Buffer.from(written).toString('latin1').toUpperCase()
    return [
      ...foundIn(written, this.secrets).map(secret => `${secret} is in ${where}`),
      ...this.shares
        .filter(share => text.includes(share.slice(-60).toUpperCase()))
        .map(() => `a share is in ${where}`),
      ...this.sheets
        .filter(sheet => codesOn(sheet).some(code => text.includes(code)))
        .map(() => `the code of an emergency sheet is in ${where}`),
    ]
  }
}

/** What a command shows once, where it was asked to. */
function asked(stdout: string): { readonly shares?: readonly string[]; readonly sheet?: string } {
  try {
    return JSON.parse(stdout) as { shares?: string[]; sheet?: string }
  } catch {
    return {}
  }
}

/** The code on an emergency sheet, in groups as it stands there, and as somebody may type it. */
function codesOn(sheet: string): readonly string[] {
  const [code = ''] = /\S+$/.exec(sheet) ?? []
  return [code, code.replaceAll('-', '')]
}
