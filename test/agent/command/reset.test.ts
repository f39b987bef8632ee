import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticate } from '../../../agent/command/authenticate.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { reset } from '../../../agent/command/reset.ts'
import { commandRig } from './rig.ts'

type Rig = Awaited<ReturnType<typeof commandRig>>

function engineer(rig: Rig, created?: number) {
  const path = '/v1/actuators/valve/reset'
  const received = rig.sign(rig.issue([], 'engineer'), {
    path,
    body: '{}',
    ...(created === undefined ? {} : { created }),
  })
  const authenticated = authenticate(received, rig.authenticator)
  assert.ok(!(authenticated instanceof Refused))
  return authenticated
}

test('what is not tripped cannot be reset: not-tripped, and nobody is let go for it', async () => {
  await using rig = await commandRig()
  const lift = () => assert.fail('nobody is suspended with a trip that there is not')
  const keeper = { ...rig.resets.keeper, lift }
  const answer = await reset(engineer(rig), 'valve', { ...rig.resets, keeper })
  assert.equal(answer instanceof Refused && answer.refusal.code, 'not-tripped')
})

test('a reset that was signed before the agent started clears nothing: nobody knows whether it is a replay', async () => {
  await using rig = await commandRig()
  rig.trips.trip('valve', 'manual', 'a test')
  await rig.clock.advance(1000)
  rig.trips.acknowledge('valve', 'anna')
  rig.replay.beginAt(rig.clock.wall())
  const keeper = { ...rig.resets.keeper, lift: () => assert.fail('the trip stays') }
  const created = Math.floor(rig.clock.wall() / 1000) - 1
  const answer = await reset(engineer(rig, created), 'valve', { ...rig.resets, keeper })
  assert.equal(answer instanceof Refused && answer.refusal.code, 'replay-memory-lost')
  assert.equal(rig.trips.phase('valve'), 'tripped')
})

test('a reset is not answered before the end of its trip is on the disk', async () => {
  await using rig = await commandRig()
  rig.trips.trip('valve', 'manual', 'a test')
  await rig.clock.advance(1000)
  rig.trips.acknowledge('valve', 'anna')
  const disk = Promise.withResolvers<undefined>()
  const asked = Promise.withResolvers<void>()
  const kept = () => {
    asked.resolve()
    return disk.promise
  }
  let answered = false
  const answer = reset(engineer(rig), 'valve', { ...rig.resets, keeper: { ...rig.resets.keeper, kept } })
  void answer.then(() => {
    answered = true
  })
  await asked.promise
  await rig.clock.advance(1000)
  assert.deepEqual([rig.trips.phase('valve'), answered], ['normal', false])
  disk.resolve(undefined)
  assert.ok(!((await answer) instanceof Refused))
})
