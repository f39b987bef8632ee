import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { glob, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { execa } from 'execa'
import { openBreakGlass } from '../../agent/credential/break-glass/seal.ts'
import { readSheet } from '../../agent/credential/break-glass/sheet.ts'
import { chainSecret, checkpointSeedMessage, epochMessage, hmacSha256 } from '../../agent/credential/chain.ts'
import { joinShares } from '../../agent/credential/escrow/escrow.ts'
import { narrow } from '../../client/narrow.ts'
import { signRequest } from '../../client/sign.ts'
import { type Credential, parseKeyId } from '../../model/credential.ts'
import { Gateway, HOLDFAST } from '../agent/gateway.ts'
import { metricsOf, Receivers } from './receivers.ts'
import { foundIn, tracesOf } from './traces.ts'

// A gateway's whole day, with every secret of it known to the test; then everything that was written anywhere is searched.

const OF = { environment: 'demo', gateway: 'waterworks-1' }
const COMMAND = '/v1/actuators/inlet-valve/commands'
const OTHER = { kind: 'actuators', grants: [{ pattern: 'other', setpoints: { kind: 'any' } }] } as const

/** Everything that comes out of a gateway, and every secret that must not be in it. */
class Day implements AsyncDisposable {
  readonly gateway: Gateway
  readonly secrets = new Map<string, Uint8Array>()
  /** What was written to terminals and sent to clients, by where. */
  readonly sinks = new Map<string, string>()
  /** Texts of shares; they are shown once, by the command that makes them. */
  readonly shares: string[] = []
  /** Lines for emergency sheets; they are shown once too. */
  readonly sheets: string[] = []
  readonly #agents = new AsyncDisposableStack()

  constructor(gateway: Gateway) {
    this.gateway = gateway
  }

  /** Runs a command of ours; whatever it prints is a sink, but for the shares and the sheet that it was asked for. */
  async run(...words: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.gateway.holdfast(...words)
    assert.ok(exitCode === 0 || exitCode === 3, `${words.join(' ')}: ${stderr}`)
    const { shares = [], sheet } = asked(stdout)
    this.shares.push(...shares)
    if (sheet !== undefined) this.sheets.push(sheet)
    const shown = [...shares, ...(sheet === undefined ? [] : [sheet])]
    const printed = shown.reduce((text, one) => text.replace(one, ''), stdout)
    this.sinks.set(`${words.slice(0, 2).join(' ')} ${this.sinks.size}`, printed + stderr)
    return stdout
  }

  /** Starts an agent whose output goes to files of the gateway's folder, both streams as they are. */
  async startAgent(name: string): Promise<{ address: string; stop: () => Promise<void> }> {
    const file = (stream: string) => ({ file: join(this.gateway.folder, `${name}.${stream}`) })
    const program = execa(HOLDFAST, ['agent', '--config', this.gateway.config, '--log-level', 'debug'], {
      reject: false,
      buffer: false,
      stdin: 'ignore',
      stdout: ['pipe', file('out')],
      stderr: file('err'),
    })
    this.#agents.defer(async () => {
      program.kill('SIGKILL')
      await program
    })
    let address = ''
    const ready = Promise.withResolvers<void>()
    createInterface({ input: program.stdout }).on('line', text => {
      const line = JSON.parse(text) as Record<string, unknown>
      if (line.listener === 'plant-lan') address = String(line.address)
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
    return { address, stop }
  }

  async issue(
    subject: string,
    role: string,
    ...more: string[]
  ): Promise<{ file: string; credential: Credential }> {
    const file = join(this.gateway.folder, `${subject}-${this.secrets.size}.credential`)
    const who = ['--subject', subject, '--role', role, '--out', file]
    await this.run('credential', 'issue', '--agent', this.gateway.adminSocket, ...who, ...more)
    const credential = JSON.parse(await readFile(file, 'utf8')) as Credential
    this.secrets.set(`${subject}'s credential`, Buffer.from(credential.secret, 'base64url'))
    return { file, credential }
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

  /** Notes what is on an emergency sheet and what it opens: the key that is sealed now. */
  async takeSheet(at: number): Promise<void> {
    const sheet = readSheet(this.sheets[at] ?? '', OF)
    assert.ok(sheet.kind === 'code')
    const path = join(this.gateway.folder, 'state', 'break-glass.sealed')
    const opened = await openBreakGlass(path, sheet.code, OF, process.getuid?.() ?? 0)
    assert.ok(opened.kind === 'opened')
    this.secrets.set(`the code of sheet ${at + 1}`, sheet.code)
    this.secrets.set(`the emergency key of sheet ${at + 1}`, opened.key)
  }

  /** Has the audit log printed in every form that there is. */
  async readLog(): Promise<void> {
    const log = this.gateway.auditLog
    for (const format of ['jsonl', 'rfc5424', 'ocsf', 'cef'])
      await this.run('audit', 'export', log, '--format', format)
    for (const form of ['--csv', '--json']) await this.run('audit', 'query', log, '--all', form)
    await this.run('audit', 'prove', log, '--record', '0')
    await this.run('audit', 'prove', log, '--record', '0', '--tlog-proof')
    await this.run('audit', 'prove', log, '--since', '1')
  }

  /** Searches everything that was printed and sent, and every file but those that are meant to hold a secret. */
  async found(...apart: RegExp[]): Promise<string[]> {
    const found = [...this.sinks].flatMap(([where, text]) => this.#search(where, text))
    const { folder } = this.gateway
    let files = 0
    for await (const name of glob('**', { cwd: folder })) {
      if (!(await stat(join(folder, name)).then(file => file.isFile()))) continue
      if (/^tpm\//.test(name) || /\.credential$/.test(name) || apart.some(form => form.test(name))) continue
      files += 1
      found.push(...this.#search(name, await readFile(join(folder, name))))
    }
    assert.ok(files >= 5, 'there are files to search')
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents.disposeAsync()
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

/** What somebody sends who does not know where a secret belongs, or means no good; the answers are sinks. */
async function misuse(day: Day, address: string, { keyid, secret }: Credential): Promise<void> {
  const { host } = new URL(address)
  const body = '{"setpoint":"open"}'
  const signed = (credential: Credential, text = body): Record<string, string> =>
    signRequest({ method: 'POST', authority: host, path: COMMAND, body: Buffer.from(text) }, credential, {
      created: Math.floor(Date.now() / 1000),
      nonce: randomBytes(16),
    })
  const right = signed({ keyid, secret })
  const input = right['Signature-Input'] ?? ''
  const file = JSON.stringify({ keyid, secret })
  const cases: readonly (readonly [expected: string, headers: Record<string, string>, text: string])[] = [
    ['signature-missing', { Authorization: `Bearer ${secret}` }, body],
    ['signature-missing', { Cookie: `secret=${secret}`, 'X-Api-Key': secret }, file],
    ['credential-malformed', { ...right, 'Signature-Input': input.replace(keyid, secret) }, body],
    ['signature-malformed', { ...right, 'Signature-Input': `${input};secret="${secret}"` }, body],
    ['signature-malformed', { ...right, Signature: `hf=:${secret}:` }, body],
    ['digest-malformed', { ...right, 'Content-Digest': secret }, body],
    ['signature-invalid', { ...right, 'Signature-Input': input.replace('role=', 'role=x') }, body],
    ['digest-mismatch', right, file],
    ['body-malformed', signed({ keyid, secret }, secret), secret],
    ['body-malformed', signed({ keyid, secret }, file), file],
    ['scope-denied', signed(narrow({ keyid, secret }, [OTHER])), body],
  ]
  for (const [index, [expected, headers, text]] of cases.entries()) {
    // Where nothing is signed, in the address too, as one would with another kind of API.
    const query = expected === 'signature-missing' ? `?secret=${secret}` : ''
    const answer = await fetch(`${address}${COMMAND}${query}`, { method: 'POST', headers, body: text })
    const said = await answer.text()
    day.sinks.set(`the answer ${expected} ${index}`, JSON.stringify([...answer.headers]) + said)
    assert.ok(said.includes(`"${expected}"`), `${expected}: ${said}`)
  }
}

describe('after a day of a gateway no secret is in any log, file, answer, argument or environment', () => {
  test('with a key in the TPM and its escrow', async () => {
    await using gateway = await Gateway.start({ enrolled: false })
    await using day = new Day(gateway)
    await using receivers = await Receivers.listen(gateway)
    day.secrets.set("the webhook's secret", receivers.secret)
    await day.run('enroll', '--config', gateway.config, '--escrow', '2-of-3', '--break-glass', '--json')
    await day.takeSheet(0)
    const agent = await day.startAgent('agent')
    const alice = await day.issue('alice', 'operator')
    const send = ['--agent', agent.address, '--credential', alice.file]
    await day.run('command', 'inlet-valve', 'open', ...send)
    await day.run('status', ...send, '--json')
    await misuse(day, agent.address, alice.credential)
    await day.run('key', 'rotate', '--agent', gateway.adminSocket, '--escrow', '2-of-3', '--json')
    const erika = await day.issue('erika', 'engineer')
    await day.run('command', 'inlet-valve', 'closed', '--agent', agent.address, '--credential', erika.file)
    await day.run('reset', 'inlet-valve', '--agent', agent.address, '--credential', erika.file)
    await day.run('credential', 'list', '--agent', gateway.adminSocket, '--json')
    await day.run('credential', 'show', alice.file)
    await day.run('key', 'status', '--agent', gateway.adminSocket)
    await day.run('tpm', 'status', '--config', gateway.config)
    await day.run('credential', 'revoke', '--agent', gateway.adminSocket, '--subject', 'alice')
    await day.run('command', 'inlet-valve', 'open', ...send)
    await day.run('break-glass', 'seal', '--agent', gateway.adminSocket, '--json')
    await day.takeSheet(1)
    await day.run('alarms', '--agent', gateway.operatorSocket, '--json')
    await day.readLog()

    assert.deepEqual([day.shares.length, day.sheets.length], [6, 2])
    for (const [generation, shares] of [day.shares.slice(0, 2), day.shares.slice(3, 5)].entries()) {
      const joined = joinShares(shares)
      assert.ok(joined.kind === 'key')
      day.derive(`generation ${generation + 1}`, joined.key, generation + 1, [
        alice.credential,
        erika.credential,
      ])
    }
    await receivers.haveHeard()
    day.sinks.set('metrics', await metricsOf(gateway.operatorSocket))
    for (const [name, text] of receivers.heard()) day.sinks.set(name, text)
    const ownFiles = [/^webhook\.secret$/, /\.pem$/, /\.key$/]
    assert.deepEqual(await day.found(...ownFiles), [], 'while the agent runs, its write-ahead log included')
    await agent.stop()
    for (const kept of ['alarms.json', 'habits.json', 'journal.cursor', 'syslog.cursor'])
      assert.ok((await stat(join(gateway.folder, 'state', kept))).size > 0, kept)
    await day.run('audit', 'verify', gateway.auditLog)
    assert.deepEqual(await day.found(...ownFiles), [], 'and after it has stopped')
  })

  test('with a key in a file, which alone has it', async () => {
    await using gateway = await Gateway.start({ enrolled: false })
    await using day = new Day(gateway)
    const master = randomBytes(32)
    const path = join(gateway.folder, 'master.key')
    await writeFile(path, `${master.toString('hex')}\n`, { mode: 0o600 })
    const config = (await readFile(gateway.config, 'utf8')).replace(
      /master_key:\n(?: {2}.*\n)+/,
      `master_key:\n  source: file\n  path: ${path}\n`,
    )
    await writeFile(gateway.config, config)
    await day.run('enroll', '--config', gateway.config)
    const agent = await day.startAgent('agent')
    const { file, credential } = await day.issue('alice', 'operator')
    const send = ['--agent', agent.address, '--credential', file]
    await day.run('command', 'inlet-valve', 'open', ...send)
    await misuse(day, agent.address, credential)
    await day.run('key', 'rotate', '--agent', gateway.adminSocket)
    await day.run('credential', 'revoke', '--agent', gateway.adminSocket, '--subject', 'alice')
    await day.run('command', 'inlet-valve', 'open', ...send)
    day.derive('the key', master, 1, [credential])
    await agent.stop()
    assert.deepEqual(await day.found(/^master\.key$/), [])
    assert.notDeepEqual(await day.found(), [], 'the search would have found it')
  })
})

test('a search finds a secret in each way to write it, inside of something longer too', () => {
  const secret = randomBytes(32)
  const secrets = new Map([['it', secret]])
  const around = (left: number) => Buffer.concat([randomBytes(left), secret, randomBytes(5)])
  const written = [
    secret,
    around(3),
    secret.toString('hex'),
    secret.toString('hex').toUpperCase(),
    ...[0, 1, 2].flatMap(left => [around(left).toString('base64'), around(left).toString('base64url')]),
    `{"secret":"${secret.toString('base64url')}"}`,
    // What a stray line of a log, or `inspect`, makes of bytes.
    JSON.stringify({ secret }),
    JSON.stringify({ secret: new Uint8Array(secret) }),
    String(new Uint8Array(secret)),
    inspect({ secret }),
    inspect(new Uint8Array(secret)),
    JSON.stringify({ msg: inspect(new Uint8Array(secret)) }),
    JSON.stringify({ secret }, undefined, 2),
    ...[' ', ':'].flatMap(between => {
      const pairs = secret.toString('hex').match(/../g)?.join(between) ?? ''
      return [pairs, pairs.toUpperCase()]
    }),
  ]
  for (const one of written) assert.deepEqual(foundIn(one, secrets), ['it'])
  assert.deepEqual(foundIn(randomBytes(4096).toString('base64'), secrets), [])
  assert.ok(tracesOf(secret).every(trace => trace.length >= 32))
})
