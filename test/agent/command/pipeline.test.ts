import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { type CommandAnswer, carryOut } from '../../../agent/command/pipeline.ts'
import type { Channel } from '../../../agent/command/received.ts'
import { ReplayMemory } from '../../../agent/credential/replay.ts'
import { narrow } from '../../../client/narrow.ts'
import type { Caveat } from '../../../model/caveat.ts'
import type { RefusalCode } from '../../../model/refusal.ts'
import { commandRig, LAN, NOW, type SignOptions } from './rig.ts'

function codeOf({ outcome }: CommandAnswer): string {
  return outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
}

type Row = Record<string, unknown> & { kind: string }

function recordsIn(path: string): Row[] {
  const database = new Database(path, { readonly: true })
  try {
    return database
      .prepare<[], { bytes: string }>('SELECT bytes FROM record ORDER BY seq')
      .all()
      .map(({ bytes }) => JSON.parse(bytes) as Row)
  } finally {
    database.close()
  }
}

test('a command is verified by feedback; its intent and its outcome are in the log, in that order', async () => {
  await using rig = await commandRig()
  const answer = await rig.send(
    rig.sign(rig.issue(), { body: '{"setpoint":"open","reason":"morning filling"}' }),
  )
  assert.deepEqual(answer.outcome, { kind: 'verified', asked: 'open', found: 'open' })
  assert.equal(answer.recorded, true)
  assert.deepEqual(rig.driver.writes, [{ point: 'valve.command', value: 1 }])
  const records = recordsIn(rig.auditPath)
  assert.deepEqual(
    records.map(({ kind }) => kind),
    ['command-intent', 'command-outcome'],
  )
  assert.equal(records[0]?.reason, 'morning filling')
  assert.equal(records[0]?.subject, 'alice')
  assert.equal(records[1]?.command, answer.command)
})

test('the intent is durable before the device sees a byte', async () => {
  await using rig = await commandRig()
  let before: Row[] = []
  rig.driver.onWrite = () => {
    before = recordsIn(rig.auditPath)
    rig.driver.values.set('valve.feedback', 1)
  }
  await rig.send(rig.sign(rig.issue()))
  assert.deepEqual(
    before.map(({ kind }) => kind),
    ['command-intent'],
  )
})

test('a device that accepts and does not follow is a mismatch, with what was found', async () => {
  await using rig = await commandRig()
  rig.driver.onWrite = () => {}
  const { outcome } = await rig.send(rig.sign(rig.issue()))
  assert.equal(outcome.kind, 'mismatch')
  assert.equal(outcome.kind === 'mismatch' && outcome.found, 'closed')
})

test('a write whose answer is lost is unknown whatever feedback shows, is read back, and is not sent again', async () => {
  await using rig = await commandRig()
  rig.driver.nextWrite = { kind: 'unknown', reason: 'no answer' }
  const { outcome } = await rig.send(rig.sign(rig.issue()))
  assert.equal(outcome.kind, 'unknown')
  assert.equal(outcome.kind === 'unknown' && outcome.found, 'open')
  assert.equal(rig.driver.writes.length, 1)
})

for (const kind of ['rejected', 'unreachable'] as const) {
  test(`a device that is ${kind}: refused, nothing written, and the outcome is in the log`, async () => {
    await using rig = await commandRig()
    rig.driver.nextWrite = { kind, reason: 'why' }
    const answer = await rig.send(rig.sign(rig.issue()))
    assert.equal(codeOf(answer), `device-${kind}`)
    assert.deepEqual(rig.driver.writes, [])
    assert.deepEqual(
      recordsIn(rig.auditPath).map(({ kind }) => kind),
      ['command-intent', 'command-outcome'],
    )
  })
}

const scope = (pattern: string, names?: readonly string[]): Caveat => ({
  kind: 'actuators',
  grants: [{ pattern, setpoints: names ? { kind: 'names', names } : { kind: 'any' } }],
})

const DENIED: readonly (readonly [
  what: string,
  caveats: readonly Caveat[],
  role: string,
  options: SignOptions,
  id: string,
  code: RefusalCode,
])[] = [
  ['a viewer', [], 'viewer', {}, 'valve', 'role-denied'],
  ['a credential for another actuator', [scope('pump')], 'operator', {}, 'valve', 'scope-denied'],
  [
    'a credential for another setpoint',
    [scope('valve', ['closed'])],
    'operator',
    {},
    'valve',
    'scope-denied',
  ],
  [
    'two scopes that have nothing in common',
    [scope('valve', ['closed']), scope('valve', ['open'])],
    'operator',
    {},
    'valve',
    'scope-denied',
  ],
  [
    'a credential bound to another network',
    [{ kind: 'networks', networks: ['192.168.0.0/16', 'fd00::/8', 'local'] }],
    'operator',
    {},
    'valve',
    'network-denied',
  ],
  [
    'a credential bound to a network, from an IPv6 address',
    [{ kind: 'networks', networks: ['10.0.0.0/8'] }],
    'operator',
    { source: 'fd00::1' },
    'valve',
    'network-denied',
  ],
  [
    'an actuator that there is not',
    [],
    'operator',
    { path: '/v1/actuators/pump/commands' },
    'pump',
    'actuator-unknown',
  ],
  [
    'an actuator that there is not, out of scope: it is not told that there is none',
    [scope('valve')],
    'operator',
    { path: '/v1/actuators/pump/commands' },
    'pump',
    'scope-denied',
  ],
  [
    'a setpoint that it cannot take',
    [],
    'operator',
    { body: '{"setpoint":"ajar"}' },
    'valve',
    'setpoint-unknown',
  ],
  [
    'a number for a valve with positions',
    [],
    'operator',
    { body: '{"setpoint":1}' },
    'valve',
    'setpoint-unknown',
  ],
  [
    'a key twice',
    [],
    'operator',
    { body: '{"setpoint":"closed","setpoint":"open"}' },
    'valve',
    'body-ambiguous',
  ],
  [
    'a key that is not known',
    [],
    'operator',
    { body: '{"setpoint":"open","force":true}' },
    'valve',
    'body-malformed',
  ],
  ['no JSON', [], 'operator', { body: 'open' }, 'valve', 'body-malformed'],
  ['no body', [], 'operator', { body: '' }, 'valve', 'body-malformed'],
  ['bytes that are not UTF-8', [], 'operator', { body: '\ud800' }, 'valve', 'body-malformed'],
]

for (const [what, caveats, role, options, id, code] of DENIED) {
  test(`${what}: ${code}, in the log, and nothing moves`, async () => {
    await using rig = await commandRig()
    const answer = await rig.send(rig.sign(rig.issue(caveats, role), options), id)
    if (options.body === '\ud800') assert.match(codeOf(answer), /body-malformed/)
    else assert.equal(codeOf(answer), code)
    assert.deepEqual(rig.driver.writes, [])
    const [record] = recordsIn(rig.auditPath)
    assert.equal(record?.kind, 'refusal')
    assert.equal(record?.code, code)
    assert.equal(record?.subject, 'alice')
  })
}

test('a credential within its scope and network is let through', async () => {
  await using rig = await commandRig()
  const credential = rig.issue([
    scope('val*', ['open']),
    { kind: 'networks', networks: ['10.0.0.0/8', 'fd00::/8'] },
  ])
  assert.equal(codeOf(await rig.send(rig.sign(credential))), 'verified')
  const six = rig.sign(credential, { source: 'fd00::7' })
  assert.equal(codeOf(await rig.send(six)), 'verified')
})

test('five forgeries trip the valve they aim at; the rightful operator is then told why, and towards safe still works', async () => {
  await using rig = await commandRig()
  const credential = rig.issue()
  assert.equal(codeOf(await rig.send(rig.sign(credential))), 'verified')
  const forged = { keyid: credential.keyid, secret: Buffer.alloc(32).toString('base64url') }
  for (let count = 0; count < 5; count += 1)
    assert.equal(codeOf(await rig.send(rig.sign(forged))), 'signature-invalid')
  assert.deepEqual(rig.driver.writes.at(-1), { point: 'valve.command', value: 0 })
  await rig.clock.advance(100)
  assert.equal(rig.trips.phase('valve'), 'tripped')
  const refused = await rig.send(rig.sign(credential))
  assert.equal(codeOf(refused), 'tripped')
  assert.match(
    refused.outcome.kind === 'refused' ? refused.outcome.refusal.detail : '',
    /first-out: authentication-failures/,
  )
  assert.equal(codeOf(await rig.send(rig.sign(credential, { body: '{"setpoint":"closed"}' }))), 'verified')
})

test('where the engineer chose alarm, a hundred forgeries move nothing and do not stop the operator', async () => {
  await using rig = await commandRig({ unattributed: 'alarm' })
  const credential = rig.issue()
  const forged = { keyid: credential.keyid, secret: Buffer.alloc(32).toString('base64url') }
  for (let count = 0; count < 100; count += 1) await rig.send(rig.sign(forged))
  assert.deepEqual(rig.driver.writes, [])
  assert.equal(codeOf(await rig.send(rig.sign(credential))), 'verified')
})

test('replays never count as evidence: whoever sends them need not have made them', async () => {
  await using rig = await commandRig()
  const received = rig.sign(rig.issue())
  await rig.send(received)
  for (let count = 0; count < 20; count += 1) assert.equal(codeOf(await rig.send(received)), 'replayed')
  assert.equal(rig.trips.phase('valve'), 'normal')
  assert.equal(rig.driver.writes.length, 1)
})

test('five refusals of one subject over its scope suspend it and trip the actuator; towards safe it may still command', async () => {
  await using rig = await commandRig()
  const narrowed = narrow(rig.issue(), [scope('valve', ['closed'])])
  for (let count = 0; count < 5; count += 1)
    assert.equal(codeOf(await rig.send(rig.sign(narrowed))), 'scope-denied')
  assert.ok(rig.suspended.has('subject alice'))
  await rig.clock.advance(100)
  assert.equal(rig.trips.phase('valve'), 'tripped')
  assert.equal(codeOf(await rig.send(rig.sign(rig.issue()))), 'identity-suspended')
  assert.equal(codeOf(await rig.send(rig.sign(narrowed, { body: '{"setpoint":"closed"}' }))), 'verified')
})

test('one command moves an actuator at a time; one towards safe takes over at once', async () => {
  await using rig = await commandRig()
  rig.driver.onWrite = (_, value) => {
    if (value === 0) rig.driver.values.set('valve.feedback', 0)
  }
  rig.driver.values.set('valve.feedback', 0.5)
  const credential = rig.issue()
  const opening = rig.send(rig.sign(credential))
  while (rig.driver.writes.length === 0) await new Promise(resolve => setImmediate(resolve))
  const second = await rig.send(rig.sign(credential))
  assert.equal(codeOf(second), 'command-in-progress')
  const closing = await rig.send(rig.sign(credential, { body: '{"setpoint":"closed"}' }))
  assert.equal(codeOf(closing), 'verified')
  const overruled = await opening
  assert.equal(overruled.outcome.kind, 'mismatch')
  assert.match(overruled.outcome.kind === 'mismatch' ? overruled.outcome.detail : '', /overruled/)
})

test('a trip that comes between the record of the intent and the write wins: nothing is written away from safe', async () => {
  await using rig = await commandRig()
  const append = rig.audit.append.bind(rig.audit)
  rig.audit.append = async entry => {
    const answer = await append(entry)
    if (entry.kind === 'command-intent') rig.trips.trip('valve', 'authentication-failures', 'just now')
    return answer
  }
  const answer = await rig.send(rig.sign(rig.issue()))
  assert.equal(codeOf(answer), 'overruled')
  assert.ok(rig.driver.writes.every(({ value }) => value === 0))
})

test('a revocation that comes between the record of the intent and the write wins: nothing is written', async () => {
  await using rig = await commandRig()
  const credential = rig.issue()
  const append = rig.audit.append.bind(rig.audit)
  rig.audit.append = async entry => {
    const answer = await append(entry)
    const at = rig.clock.wall()
    if (entry.kind === 'command-intent')
      await rig.revocations.add({ kind: 'subject', subject: 'alice', issuedUntil: at, at })
    return answer
  }
  assert.equal(codeOf(await rig.send(rig.sign(credential))), 'revoked')
  assert.deepEqual(rig.driver.writes, [])
})

test('a signature made before the agent started moves nothing away from safe, since nobody knows whether it did before', async () => {
  await using rig = await commandRig()
  const credential = rig.issue()
  const before = NOW / 1000 - 601
  await rig.clock.advance(0)
  rig.replay.remember('x', 'y', NOW / 1000, NOW)
  const old = rig.sign(credential, { created: before + 400 })
  assert.equal(codeOf(await rig.send(old)), 'verified', 'this memory knows of ten minutes before')
  const started = {
    ...rig.commands,
    authenticator: { ...rig.authenticator, replay: new ReplayMemory(rig.clock.wall()) },
  }
  const answer = await carryOut(rig.sign(credential, { created: NOW / 1000 - 5 }), 'valve', started)
  assert.equal(codeOf(answer), 'replay-memory-lost')
})

test('commands towards safe do not overrule each other: however many come in, each is carried out', async () => {
  await using rig = await commandRig()
  rig.driver.values.set('valve.feedback', 1).set('valve.command', 1)
  const credential = rig.issue()
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => rig.send(rig.sign(credential, { body: '{"setpoint":"closed"}' }))),
  )
  assert.deepEqual(new Set(answers.map(codeOf)), new Set(['verified']))
})

test('a command towards safe does not wait for a disk that hangs, and says that it is not recorded', async () => {
  await using rig = await commandRig()
  rig.audit.appendOrKeep = () => new Promise(() => {})
  const answer = await rig.send(rig.sign(rig.issue(), { body: '{"setpoint":"closed"}' }))
  assert.equal(codeOf(answer), 'verified')
  assert.equal(answer.recorded, false)
})

test('a device that takes the write and shows no feedback: unknown, not mismatch', async () => {
  await using rig = await commandRig()
  rig.driver.nextRead = { kind: 'failed', reason: 'no answer' }
  const { outcome } = await rig.send(rig.sign(rig.issue()))
  assert.equal(outcome.kind, 'unknown')
})

test('a mistake of ours on the way is an unknown outcome, recorded, and not silence', async () => {
  await using rig = await commandRig()
  rig.driver.write = async () => {
    throw new RangeError('a mistake')
  }
  const answer = await rig.send(rig.sign(rig.issue()))
  assert.equal(answer.outcome.kind, 'unknown')
  assert.deepEqual(
    recordsIn(rig.auditPath).map(({ kind }) => kind),
    ['command-intent', 'command-outcome'],
  )
})

test('a credential with a rate may be used that often, with Retry-After in the refusal; towards safe it always may', async () => {
  await using rig = await commandRig()
  const credential = rig.issue([{ kind: 'rate', requests: 2, seconds: 60 }])
  const close = () => rig.send(rig.sign(credential, { body: '{"setpoint":"closed"}' }))
  for (let count = 0; count < 2; count += 1)
    assert.equal(codeOf(await rig.send(rig.sign(credential))), 'verified')
  const third = await rig.send(rig.sign(credential))
  assert.equal(codeOf(third), 'rate-exceeded')
  const wait = third.outcome.kind === 'refused' ? third.outcome.refusal.retryAfter : 0
  assert.ok(wait && wait > 20_000 && wait <= 30_000, String(wait))
  assert.equal(codeOf(await close()), 'verified')
  await rig.clock.advance(30_000)
  assert.equal(codeOf(await rig.send(rig.sign(credential))), 'verified')
})

test('a source that is over its listener’s rate is told so, forged or not; towards safe with a right signature it passes', async () => {
  await using rig = await commandRig()
  const limited: Channel = { ...LAN, name: 'limited' }
  const credential = rig.issue()
  const forged = { keyid: credential.keyid, secret: Buffer.alloc(32).toString('base64url') }
  const burst = Array.from({ length: 8 }, () =>
    rig.sign(forged, { channel: { ...limited, unattributed: 'alarm' } }),
  )
  const codes: string[] = []
  for (const received of burst) codes.push(codeOf(await rig.send(received)))
  assert.deepEqual(codes.slice(5), Array(3).fill('rate-exceeded'))
  const close = { ...rig.sign(credential, { body: '{"setpoint":"closed"}' }), tooEarly: 500 }
  assert.equal(codeOf(await rig.send(close)), 'verified')
  const open = { ...rig.sign(credential), tooEarly: 500 }
  assert.equal(codeOf(await rig.send(open)), 'rate-exceeded')
})

test('a credential bound to a certificate or a SPIFFE ID works over a channel that shows it and over no other', async () => {
  await using rig = await commandRig()
  const sha256 = 'ab'.repeat(32)
  const shown: Channel = {
    ...LAN,
    certificate: { sha256, spiffe: 'spiffe://plant/panel-1', subject: 'CN=panel-1' },
  }
  for (const caveat of [
    { kind: 'certificate', sha256 },
    { kind: 'spiffe', id: 'spiffe://plant/panel-1' },
  ] as const) {
    const credential = rig.issue([caveat])
    assert.equal(codeOf(await rig.send(rig.sign(credential))), 'identity-denied')
    assert.equal(codeOf(await rig.send(rig.sign(credential, { channel: shown }))), 'verified')
  }
  const other = rig.issue([{ kind: 'spiffe', id: 'spiffe://plant/panel' }])
  assert.equal(codeOf(await rig.send(rig.sign(other, { channel: shown }))), 'identity-denied')
})

for (const trouble of ['audit', 'replay'] as const) {
  test(`while there is trouble with the ${trouble === 'audit' ? 'audit log' : 'replay memory'}: towards safe only`, async () => {
    await using rig = await commandRig()
    rig.troubles[trouble] = 'the disk is full'
    const refused = await rig.send(rig.sign(rig.issue()))
    assert.equal(codeOf(refused), trouble === 'audit' ? 'audit-unwritable' : 'replay-memory-lost')
    assert.equal(codeOf(await rig.send(rig.sign(rig.issue(), { body: '{"setpoint":"closed"}' }))), 'verified')
    assert.deepEqual(
      rig.driver.writes.map(({ value }) => value),
      [0],
    )
  })
}

test('no record, no write: an intent that does not become durable is refused; towards safe goes on and says so', async () => {
  await using rig = await commandRig()
  for (const way of ['append', 'appendOrKeep'] as const)
    rig.audit[way] = async () => ({ kind: 'unwritable', detail: 'the disk is full' })
  assert.equal(codeOf(await rig.send(rig.sign(rig.issue()))), 'audit-unwritable')
  assert.deepEqual(rig.driver.writes, [])
  const closing = await rig.send(rig.sign(rig.issue(), { body: '{"setpoint":"closed"}' }))
  assert.equal(codeOf(closing), 'verified')
  assert.equal(closing.recorded, false)
})

test('an agent that is stopping begins nothing', async () => {
  await using rig = await commandRig()
  rig.controls.stop('the agent is stopping')
  assert.equal(codeOf(await rig.send(rig.sign(rig.issue()))), 'stopping')
  assert.deepEqual(rig.driver.writes, [])
})

test('nothing leaves its safe state on a device that would not make the plant safe by itself; towards safe passes', async () => {
  await using rig = await commandRig()
  const { permits } = rig.commands
  const states = [
    [{ kind: 'uncommissioned', detail: 'no answer' }, 'device-uncommissioned', 409],
    [{ kind: 'disagrees', detail: 'falls back to 1' }, 'device-uncommissioned', 409],
    [{ kind: 'unguarded', detail: 'not fed' }, 'device-unguarded', 503],
    [{ kind: 'starved', detail: 'stuck' }, 'device-unguarded', 503],
  ] as const
  for (const [state, code, status] of states) {
    const commands = {
      ...rig.commands,
      permits: { ...permits, deviceGuards: { troubleOf: () => ({ device: 'plc', state }) } },
    }
    const open = await carryOut(rig.sign(rig.issue()), 'valve', commands)
    assert.ok(open.outcome.kind === 'refused')
    assert.deepEqual([open.outcome.refusal.code, open.outcome.refusal.status], [code, status])
    assert.match(open.outcome.refusal.detail, new RegExp(state.detail))
    const close = await carryOut(rig.sign(rig.issue(), { body: '{"setpoint":"closed"}' }), 'valve', commands)
    assert.equal(close.outcome.kind, 'verified')
  }
})
