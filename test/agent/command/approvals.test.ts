import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticate } from '../../../agent/command/authenticate.ts'
import { type CommandAnswer, carryOut } from '../../../agent/command/pipeline.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { reset } from '../../../agent/command/reset.ts'
import { commandRig, NOW } from './rig.ts'

type Rig = Awaited<ReturnType<typeof commandRig>>

function codeOf({ outcome }: CommandAnswer): string {
  return outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
}

const WINDOW = 300_000
const OPEN = { body: '{"setpoint":"open"}' }

/** Alice's and Bob's credentials on a gateway where the valve takes two. */
async function two() {
  const rig = await commandRig({ approvals: 2 })
  return { rig, alice: rig.issue(), bob: rig.issue([], 'operator', 900_000, 'bob') }
}

test('the first of two people moves nothing; the second, asking for the same, does, and the log names both', async () => {
  const { rig, alice, bob } = await two()
  await using _ = rig
  const first = await rig.send(rig.sign(alice, OPEN))
  assert.equal(codeOf(first), 'approval-needed')
  assert.deepEqual(rig.driver.writes, [])
  assert.deepEqual(rig.approvals.pending, [
    { action: 'command', actuator: 'valve', setpoint: 'open', subject: 'alice', until: NOW + WINDOW },
  ])
  assert.equal(codeOf(await rig.send(rig.sign(bob, OPEN))), 'verified')
  assert.deepEqual(rig.approvals.pending, [])
  const records = await rig.audit.records('command-intent', NOW, 10)
  assert.equal(records.kind, 'records')
  const intent = JSON.parse(records.kind === 'records' ? (records.texts[0] ?? '') : '') as Record<
    string,
    string
  >
  assert.deepEqual([intent.subject, intent.approved_by], ['bob', 'alice'])
  const [approval] = rig.noted.filter(({ kind }) => kind === 'approval')
  assert.deepEqual([approval?.subject, approval?.action, approval?.asked], ['alice', 'command', 'open'])
})

test('an approval is used once', async () => {
  const { rig, alice, bob } = await two()
  await using _ = rig
  await rig.send(rig.sign(alice, OPEN))
  await rig.send(rig.sign(bob, OPEN))
  assert.equal(codeOf(await rig.send(rig.sign(bob, OPEN))), 'approval-needed')
})

for (const [name, spoil] of [
  ['the same person twice', async (rig: Rig, alice) => [await rig.send(rig.sign(alice, OPEN)), alice]],
  [
    'the same person with another credential',
    async (rig: Rig, alice) => [await rig.send(rig.sign(alice, OPEN)), rig.issue()],
  ],
  [
    'another setpoint',
    async (rig: Rig, alice, bob) => [await rig.send(rig.sign(alice, { body: '{"setpoint":"closed"}' })), bob],
  ],
  [
    'too late',
    async (rig: Rig, alice, bob) => {
      const first = await rig.send(rig.sign(alice, OPEN))
      await rig.clock.advance(WINDOW)
      return [first, bob]
    },
  ],
  [
    'a first person who was revoked since',
    async (rig: Rig, alice, bob) => {
      const first = await rig.send(rig.sign(alice, OPEN))
      await rig.revocations.add({
        kind: 'subject',
        subject: 'alice',
        issuedUntil: rig.clock.wall(),
        at: rig.clock.wall(),
      })
      return [first, bob]
    },
  ],
  [
    'the same person, written otherwise',
    async (rig: Rig, alice) => [
      await rig.send(rig.sign(alice, OPEN)),
      rig.issue([], 'operator', 900_000, 'Alice'),
    ],
  ],
  [
    'a first person whose credential has ended since',
    async (rig: Rig, _, bob) => {
      const first = await rig.send(rig.sign(rig.issue([], 'operator', 60_000), OPEN))
      await rig.clock.advance(60_000)
      return [first, bob]
    },
  ],
  [
    'a trip in between',
    async (rig: Rig, alice, bob) => {
      const first = await rig.send(rig.sign(alice, OPEN))
      rig.approvals.forget('valve')
      return [first, bob]
    },
  ],
] as const satisfies readonly (readonly [
  string,
  (rig: Rig, alice: ReturnType<Rig['issue']>, bob: ReturnType<Rig['issue']>) => Promise<unknown>,
])[]) {
  test(`two people are not: ${name}`, async () => {
    const { rig, alice, bob } = await two()
    await using _ = rig
    const [, second] = (await spoil(rig, alice, bob)) as [unknown, ReturnType<Rig['issue']>]
    rig.driver.writes.length = 0
    assert.equal(codeOf(await rig.send(rig.sign(second, OPEN))), 'approval-needed')
    assert.deepEqual(rig.driver.writes, [])
  })
}

test('who asked first and is revoked while the second command is on its way stops it', async () => {
  const { rig, alice, bob } = await two()
  await using _ = rig
  await rig.send(rig.sign(alice, OPEN))
  const { append } = rig.audit
  rig.audit.append = async entry => {
    // The second has been granted, and nothing is written yet.
    const at = rig.clock.wall()
    if (entry.kind === 'command-intent')
      await rig.revocations.add({ kind: 'subject', subject: 'alice', issuedUntil: at, at })
    return await append(entry)
  }
  assert.equal(codeOf(await rig.send(rig.sign(bob, OPEN))), 'revoked')
  assert.deepEqual(rig.driver.writes, [])
})

test('towards the safe state one person is enough', async () => {
  const { rig, alice } = await two()
  await using _ = rig
  assert.equal(codeOf(await rig.send(rig.sign(alice, { body: '{"setpoint":"closed"}' }))), 'verified')
})

test('a command that would be refused anyway asks nobody for an approval', async () => {
  const { rig, alice } = await two()
  await using _ = rig
  rig.troubles.audit = 'the disk is full'
  assert.equal(codeOf(await rig.send(rig.sign(alice, OPEN))), 'audit-unwritable')
  assert.deepEqual(rig.approvals.pending, [])
})

test('a first asking leaves the actuator free for others', async () => {
  const { rig, alice, bob } = await two()
  await using _ = rig
  await carryOut(rig.sign(alice, OPEN), 'valve', rig.commands)
  assert.equal(codeOf(await rig.send(rig.sign(bob, { body: '{"setpoint":"closed"}' }))), 'verified')
})

test('what a suspended identity asked for first is forgotten', async () => {
  const { rig, alice, bob } = await two()
  await using _ = rig
  await carryOut(rig.sign(alice, OPEN), 'valve', rig.commands)
  rig.approvals.forgetIdentity('subject somebody-else')
  assert.equal(rig.approvals.pending.length, 1)
  rig.approvals.forgetIdentity('subject alice')
  assert.deepEqual(rig.approvals.pending, [])
  assert.equal(codeOf(await rig.send(rig.sign(bob, OPEN))), 'approval-needed')
})

test('a reset takes two people where the configuration says so', async () => {
  await using rig = await commandRig({ approvals: 2 })
  rig.trips.trip('valve', 'authentication-failures', 'a test')
  await rig.clock.advance(1000)
  assert.equal(rig.trips.phase('valve'), 'tripped')
  const ask = async (subject: string) => {
    const credential = rig.issue([], 'engineer', 900_000, subject)
    const received = rig.sign(credential, { path: '/v1/actuators/valve/reset', body: '{}' })
    const authenticated = authenticate(received, rig.authenticator)
    assert.ok(!(authenticated instanceof Refused))
    return await reset(authenticated, 'valve', rig.resets)
  }
  rig.trips.acknowledge('valve', 'anna')
  const first = await ask('erika')
  assert.equal(first instanceof Refused && first.refusal.code, 'approval-needed')
  const again = await ask('erika')
  assert.equal(again instanceof Refused && again.refusal.code, 'approval-needed')
  assert.equal(rig.trips.phase('valve'), 'tripped')
  const second = await ask('hans')
  assert.ok(!(second instanceof Refused))
  assert.equal(rig.trips.phase('valve'), 'normal')
})
