import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { joinShares } from '../../agent/credential/escrow/escrow.ts'
import { narrow } from '../../client/narrow.ts'
import { signRequest } from '../../client/sign.ts'
import type { Credential } from '../../model/credential.ts'
import { Gateway } from '../agent/gateway.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { Day } from './day.ts'
import { Devices } from './devices.ts'
import { partsOf } from './key-parts.ts'
import { addPanels } from './panel.ts'
import { metricsOf, Receivers } from './receivers.ts'
import { foundIn, tracesOf } from './traces.ts'

// A gateway's whole day, with every secret of it known to the test; then everything that was written anywhere is searched.

const COMMAND = '/v1/actuators/inlet-valve/commands'
const OTHER = { kind: 'actuators', grants: [{ pattern: 'other', setpoints: { kind: 'any' } }] } as const
const TWO_DAYS_LATER = join(import.meta.dirname, '..', 'agent', 'programs', 'two-days-later.ts')
const ROOT_ALONE = { skip: process.getuid?.() === 0 ? false : 'only root opens an emergency key' }

/** Where a reason that somebody gives for a command comes: everything that shows the log, keeps it or passes it on. */
const REASON_IN = [
  ...['jsonl', 'rfc5424', 'ocsf', 'cef'].map(format => `audit export --format ${format}`),
  ...['', ' --csv', ' --json'].map(form => `audit query --all${form}`),
  ...['', ' --json'].map(form => `audit tail --lines 10000${form}`),
  'audit prove --record',
  'syslog',
  'the journal',
  'state/audit.db',
  'state/audit.db.quarantined-',
  'backup.db',
  'archive.jsonl',
  'started/',
]

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

/** Puts the devices into service as somebody does who has mistyped a password, and looks at all that they say. */
async function commission(day: Day, devices: Devices): Promise<void> {
  const at = ['--config', day.gateway.config]
  await day.run('device', 'trust', 'valves', ...at)
  await day.run('device', 'trust', 'valves', '--fingerprint', devices.fingerprint, ...at)
  const refused = await day.runWith({ codes: [4] }, 'device', 'probe', ...at)
  assert.match(refused, /BadUserAccessDenied|BadIdentityTokenRejected/)
  await devices.correctPassword()
  await day.run('device', 'probe', ...at, '--json')
  for (const device of ['valves', 'meter']) await day.run('device', 'show', device, ...at)
}

/** Opens the valve that is on OPC UA; asks again while the agent has no session yet. */
async function moveOutletValve(day: Day, send: readonly string[]): Promise<void> {
  const words = ['command', 'outlet-valve', 'open', ...send, '--json']
  let answer = ''
  do answer = await day.run(...words)
  while (answer.includes('"device-unreachable"'))
  assert.match(answer, /"outcome":"verified"/)
}

describe('after a day of a gateway no secret is in any log, file, answer, argument or environment', () => {
  test('with a key in the TPM, its escrow and a broken glass', ROOT_ALONE, async () => {
    await using gateway = await Gateway.start({ enrolled: false })
    await using day = new Day(gateway)
    await using receivers = await Receivers.listen(day)
    await using devices = await Devices.start(day)
    await using elsewhere = await temporaryFolder()
    const panel = await addPanels(day, elsewhere.path)
    await day.run('enroll', '--config', gateway.config, '--escrow', '2-of-3', '--break-glass', '--json')
    const emergencyKey = await day.takeSheet(0)
    await commission(day, devices)
    const reason = ['--reason', day.marker.toString('hex')]

    const first = await day.startAgent('agent')
    const admin = ['--agent', gateway.adminSocket]
    const alice = await day.issue('alice', 'operator')
    const send = ['--agent', first.address, '--credential', alice.file]
    await day.run('command', 'inlet-valve', 'open', ...send, ...reason)
    await day.run('status', ...send, '--json')
    await misuse(day, first.address, alice.credential)
    await day.run('status', '--agent', first.panels, ...panel, '--credential', alice.file, '--json')
    await moveOutletValve(day, send)
    const narrowed = join(gateway.folder, 'narrowed.credential')
    await day.run('credential', 'narrow', alice.file, 'act=inlet-valve:open', '--out', narrowed)
    const contractor = await day.takeCredential(narrowed)
    await day.run('command', 'inlet-valve', 'open', '--agent', first.address, '--credential', narrowed)
    await day.run('key', 'rotate', ...admin, '--escrow', '2-of-3', '--json')
    const erika = await day.issue('erika', 'engineer')
    const engineer = ['--agent', first.address, '--credential', erika.file]
    await day.run('command', 'inlet-valve', 'closed', ...engineer)
    await day.run('trip', 'inlet-valve', ...engineer)
    await day.run('acknowledge', 'inlet-valve', ...engineer)
    await day.run('reset', 'inlet-valve', ...engineer)
    await day.run('credential', 'list', ...admin, '--json')
    await day.run('credential', 'show', alice.file)
    await day.run('key', 'status', ...admin)
    await day.run('tpm', 'status', '--config', gateway.config)
    await day.run('alarms', '--agent', gateway.operatorSocket, '--json')
    await first.stop()

    // The glass is broken, used, and sealed again.
    const emergencyFile = join(gateway.folder, 'emergency.credential')
    const open = ['break-glass', 'open', '--config', gateway.config, '--out', emergencyFile, '--json']
    await day.runWith({ input: `${day.sheets[0]}\n` }, ...open)
    const emergency = await day.takeCredential(emergencyFile)
    const agent = await day.startAgent('agent-in-need')
    const inNeed = ['--agent', agent.address, '--credential', emergencyFile]
    const used = await day.run('command', 'inlet-valve', 'open', ...inNeed, ...reason, '--json')
    assert.match(used, /"outcome":"verified"/)
    await moveOutletValve(day, inNeed)
    await misuse(day, agent.address, emergency)
    await day.run('break-glass', 'close', ...admin)
    await day.run('command', 'inlet-valve', 'open', ...inNeed, ...reason)
    await day.run('break-glass', 'seal', ...admin, '--json')
    await day.takeSheet(1)
    await day.run('credential', 'revoke', ...admin, '--subject', 'alice')
    await day.run('command', 'inlet-valve', 'open', '--agent', agent.address, '--credential', alice.file)
    // What is wrong with a machine that tests run on is not asked here.
    await day.runWith({ codes: [0, 6] }, 'doctor', '--config', gateway.config)
    await day.readLog()

    assert.deepEqual([day.shares.length, day.sheets.length], [6, 2])
    const shares = [day.shares.slice(0, 2), day.shares.slice(3, 5)]
    const credentials = [alice.credential, erika.credential, contractor]
    for (const [generation, some] of shares.entries()) {
      const joined = joinShares(some)
      assert.ok(joined.kind === 'key')
      day.derive(`generation ${generation + 1}`, joined.key, generation + 1, credentials)
    }
    day.derive('the emergency key', emergencyKey, 0, [emergency])
    await receivers.haveHeard()
    day.sinks.set('metrics', await metricsOf(gateway.operatorSocket))
    for (const [name, text] of receivers.heard()) day.sinks.set(name, text)
    assert.deepEqual(await day.found(), [], 'while the agent runs, its write-ahead log included')
    await agent.stop()
    for (const kept of ['alarms.json', 'habits.json', 'journal.cursor', 'syslog.cursor'])
      assert.ok((await stat(join(gateway.folder, 'state', kept))).size > 0, kept)
    await day.run('audit', 'verify', gateway.auditLog)

    const archive = join(gateway.folder, 'archive.jsonl')
    const prune = ['audit', 'prune', '--config', gateway.config, '--before', '1d', '--archive', archive]
    assert.match(await day.runWith({ preloaded: TWO_DAYS_LATER }, ...prune), /^Pruned records 0 to /)
    await day.run('audit', 'verify', gateway.auditLog, '--archive', archive)
    const input = `${shares[1]?.join('\n')}\n`
    await day.runWith({ input }, 'recover', '--config', gateway.config, '--check')
    assert.match(await day.runWith({ input }, 'recover', '--config', gateway.config), /^Recovered /)
    await writeFile(gateway.auditLog, (await readFile(gateway.auditLog)).fill(0x5a, 0, 100))
    const last = await day.startAgent('agent-after-all')
    await last.stop()
    assert.deepEqual(await day.found(), [], 'and after all of it')
    const misplaced = await day.misplace()
    assert.equal(misplaced.length, 11, 'six parts of an RSA key, three scalars, a password, a secret')
    assert.deepEqual(await day.found(), misplaced, 'each would have been found where it does not belong')

    const { in: marked } = await day.marked()
    for (const sink of REASON_IN)
      assert.ok(
        marked.some(where => where.startsWith(sink)),
        `a reason comes to ${sink}`,
      )
    await day.mark()
    assert.deepEqual((await day.marked()).notIn, [], 'there is no sink where a secret would not be found')
  })

  test('with a key in a file, which alone has it', async () => {
    await using gateway = await Gateway.start({ enrolled: false })
    await using day = new Day(gateway)
    const master = randomBytes(32)
    const path = join(gateway.folder, 'master.key')
    day.hold('master.key', new Map([['the key', master]]))
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
    assert.deepEqual(await day.found(), [])
    const misplaced = await day.misplace()
    assert.deepEqual(await day.found(), misplaced, 'the search would have found it')
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

test('a search finds each private part of a key, whichever way the whole is written', () => {
  const keys = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ]
  for (const key of keys) {
    const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString()
    const der = key.export({ format: 'der', type: 'pkcs8' })
    const parts = partsOf('it', pem)
    assert.equal(parts.size, key.asymmetricKeyType === 'ec' ? 1 : 6)
    const written = [
      pem,
      pem.replaceAll('\n', '\r\n'),
      JSON.stringify({ key: pem }),
      JSON.stringify({ msg: JSON.stringify({ key: pem }) }),
      der,
      der.toString('hex'),
      der.toString('base64'),
      JSON.stringify(der),
      JSON.stringify(key.export({ format: 'jwk' })),
    ]
    for (const one of written) assert.deepEqual(foundIn(one, parts), [...parts.keys()])
    const [name = '', part = Buffer.alloc(0)] = [...parts][0] ?? []
    // The library's own consoles stop after 50 bytes.
    assert.deepEqual(foundIn(inspect(Buffer.concat([part, randomBytes(200)])), parts), [name])
  }
})
