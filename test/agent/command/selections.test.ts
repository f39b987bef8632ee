import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandAnswer } from '../../../agent/command/pipeline.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { select } from '../../../agent/command/select.ts'
import type { Credential } from '../../../model/credential.ts'
import { commandRig } from './rig.ts'

type Rig = Awaited<ReturnType<typeof commandRig>>

const LASTS = 30_000
const OPEN = { body: '{"setpoint":"open"}' }

function codeOf({ outcome }: CommandAnswer): string {
  return outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
}

/** Selects as a credential's holder, and says what came of it. */
async function selecting(rig: Rig, credential: Credential, setpoint = 'open'): Promise<string> {
  const body = JSON.stringify({ setpoint })
  const received = rig.sign(credential, { path: '/v1/actuators/valve/select', body })
  const selected = await select(received, 'valve', rig.commands)
  return selected instanceof Refused ? selected.refusal.code : selected.kind
}

/** Alice's credential on a gateway where the valve is selected first; ajar is away from safe too. */
async function selected(settings: Parameters<typeof commandRig>[0] = {}) {
  const rig = await commandRig({ selectionLasts: LASTS, ...settings })
  if (rig.valve.domain.kind === 'positions')
    (rig.valve.domain.positions as Map<string, object>).set('ajar', { write: 2, feedback: 2 })
  return { rig, alice: rig.issue() }
}

test('a command away from safe is refused until the same was selected; the selection moves nothing and takes no control', async () => {
  const { rig, alice } = await selected()
  await using _ = rig
  const unselected = await rig.send(rig.sign(alice, OPEN))
  assert.equal(codeOf(unselected), 'select-needed')
  assert.match(
    unselected.outcome.kind === 'refused' ? (unselected.outcome.refusal.remedy ?? '') : '',
    /holdfast select valve open.* within 30s/,
  )
  const now = rig.clock.wall()
  assert.equal(await selecting(rig, alice), 'selected')
  assert.deepEqual(rig.driver.writes, [])
  assert.equal(rig.controls.isMoving('valve'), false)
  assert.deepEqual(rig.selections.of('valve'), [
    { actuator: 'valve', setpoint: 'open', subject: 'alice', until: now + LASTS },
  ])
  assert.deepEqual(rig.selections.of('pump'), [])
  assert.equal(codeOf(await rig.send(rig.sign(alice, OPEN))), 'verified')
  const [record] = rig.noted.filter(({ kind }) => kind === 'select')
  assert.deepEqual([record?.subject, record?.actuator, record?.asked], ['alice', 'valve', 'open'])
})

test('a selection is used once', async () => {
  const { rig, alice } = await selected()
  await using _ = rig
  await selecting(rig, alice)
  await rig.send(rig.sign(alice, OPEN))
  assert.deepEqual(rig.selections.of('valve'), [])
  assert.equal(codeOf(await rig.send(rig.sign(alice, OPEN))), 'select-needed')
})

for (const [name, spoil, said] of [
  ['of another setpoint', async (rig, alice) => void (await selecting(rig, alice, 'ajar')), /selected ajar/],
  [
    'by somebody else',
    async rig => void (await selecting(rig, rig.issue([], 'operator', 900_000, 'bob'))),
    /alice has no selection/,
  ],
  [
    'with another credential of the same person',
    async rig => void (await selecting(rig, rig.issue())),
    /another credential/,
  ],
  [
    'that has run out',
    async (rig, alice) => {
      await selecting(rig, alice)
      await rig.clock.advance(LASTS)
    },
    /ran out/,
  ],
  [
    'before a trip',
    async (rig, alice) => {
      await selecting(rig, alice)
      rig.selections.forget('valve')
    },
    /voided by a trip/,
  ],
  [
    'that a later one of the same person replaced',
    async (rig, alice) => {
      await selecting(rig, alice)
      await selecting(rig, alice, 'ajar')
    },
    /selected ajar/,
  ],
] as const satisfies readonly (readonly [string, (rig: Rig, alice: Credential) => Promise<void>, RegExp])[]) {
  test(`a selection ${name} is not one, and what there was is void`, async () => {
    const { rig, alice } = await selected()
    await using _ = rig
    await spoil(rig, alice)
    const answer = await rig.send(rig.sign(alice, OPEN))
    assert.equal(codeOf(answer), 'select-needed')
    assert.match(answer.outcome.kind === 'refused' ? answer.outcome.refusal.detail : '', said)
    assert.deepEqual(rig.driver.writes, [])
    assert.deepEqual(
      rig.selections.of('valve').filter(({ subject }) => subject === 'alice'),
      [],
    )
  })
}

test('a selection made with a credential that is revoked since stands no longer', async () => {
  const { rig, alice } = await selected()
  await using _ = rig
  await selecting(rig, alice)
  const now = rig.clock.wall()
  await rig.revocations.add({ kind: 'subject', subject: 'alice', issuedUntil: now, at: now })
  assert.deepEqual(rig.selections.of('valve'), [])
})

test('towards the safe state nothing is selected, and trying to is answered and kept nowhere', async () => {
  const { rig, alice } = await selected()
  await using _ = rig
  assert.equal(await selecting(rig, alice, 'closed'), 'not-needed')
  assert.deepEqual(rig.selections.of('valve'), [])
  assert.equal(codeOf(await rig.send(rig.sign(alice, { body: '{"setpoint":"closed"}' }))), 'verified')
})

test('an actuator that does not ask for it is commanded without a selection', async () => {
  await using rig = await commandRig()
  const alice = rig.issue()
  assert.equal(await selecting(rig, alice), 'not-needed')
  assert.equal(codeOf(await rig.send(rig.sign(alice, OPEN))), 'verified')
})

for (const [name, spoil, code] of [
  ['a full disk', rig => (rig.troubles.audit = 'the disk is full'), 'audit-unwritable'],
  ['a trip', rig => rig.trips.trip('valve', 'authentication-failures', 'a test'), 'tripped'],
  ['a command under way', rig => rig.controls.take('valve', false), 'command-in-progress'],
] as const satisfies readonly (readonly [string, (rig: Rig) => unknown, string])[]) {
  test(`nobody selects what would be refused: ${name}`, async () => {
    const { rig, alice } = await selected()
    await using _ = rig
    spoil(rig)
    assert.equal(await selecting(rig, alice), code)
    assert.deepEqual(rig.selections.of('valve'), [])
  })
}

test('a selection out of its credential’s scope, or of what the actuator cannot take, is refused like the command', async () => {
  const { rig, alice } = await selected()
  await using _ = rig
  assert.equal(await selecting(rig, alice, 'sideways'), 'setpoint-unknown')
  const narrow = rig.issue([{ kind: 'actuators', grants: [{ pattern: 'pump', setpoints: { kind: 'any' } }] }])
  assert.equal(await selecting(rig, narrow), 'scope-denied')
})

test('where it takes two people, each of them selects and then commands', async () => {
  const { rig, alice } = await selected({ approvals: 2 })
  await using _ = rig
  const bob = rig.issue([], 'operator', 900_000, 'bob')
  assert.equal(codeOf(await rig.send(rig.sign(alice, OPEN))), 'select-needed')
  assert.deepEqual(rig.approvals.pending, [], 'an asking without a selection is no asking')
  await selecting(rig, alice)
  assert.equal(codeOf(await rig.send(rig.sign(alice, OPEN))), 'approval-needed')
  assert.equal(codeOf(await rig.send(rig.sign(bob, OPEN))), 'select-needed')
  await selecting(rig, bob)
  assert.equal(codeOf(await rig.send(rig.sign(bob, OPEN))), 'verified')
})
