import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticate } from '../../../agent/command/authenticate.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { reset } from '../../../agent/command/reset.ts'
import { commandRig } from './rig.ts'

test('what is not tripped cannot be reset: not-tripped, and nobody is let go for it', async () => {
  await using rig = await commandRig()
  const path = '/v1/actuators/valve/reset'
  const received = rig.sign(rig.issue([], 'engineer'), { path, body: '{}' })
  const authenticated = authenticate(received, rig.authenticator)
  assert.ok(!(authenticated instanceof Refused))
  const answer = await reset(authenticated, 'valve', {
    actuators: rig.commands.actuators,
    trips: rig.trips,
    failures: rig.failures,
    persists: () => undefined,
    replayTrouble: () => undefined,
    warnLevel: 3,
    audit: rig.audit,
    approvals: rig.approvals,
    keeper: {
      lift: () => assert.fail('nobody is suspended with a trip that there is not'),
      kept: async () => undefined,
    },
  })
  assert.equal(answer instanceof Refused && answer.refusal.code, 'not-tripped')
})

test('a reset that was signed before the agent started clears nothing: nobody knows whether it is a replay', async () => {
  await using rig = await commandRig()
  rig.trips.trip('valve', 'manual', 'a test')
  await rig.clock.advance(1000)
  rig.trips.acknowledge('valve', 'anna')
  rig.replay.beginAt(rig.clock.wall())
  const path = '/v1/actuators/valve/reset'
  const created = Math.floor(rig.clock.wall() / 1000) - 1
  const received = rig.sign(rig.issue([], 'engineer'), { path, body: '{}', created })
  const authenticated = authenticate(received, rig.authenticator)
  assert.ok(!(authenticated instanceof Refused))
  const answer = await reset(authenticated, 'valve', {
    actuators: rig.commands.actuators,
    trips: rig.trips,
    failures: rig.failures,
    persists: () => undefined,
    replayTrouble: () => undefined,
    warnLevel: 3,
    audit: rig.audit,
    approvals: rig.approvals,
    keeper: { lift: () => assert.fail('the trip stays'), kept: async () => undefined },
  })
  assert.equal(answer instanceof Refused && answer.refusal.code, 'replay-memory-lost')
  assert.equal(rig.trips.phase('valve'), 'tripped')
})
