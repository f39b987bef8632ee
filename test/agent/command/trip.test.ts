import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refused } from '../../../agent/command/refused.ts'
import { tripByHand } from '../../../agent/command/trip.ts'
import { commandRig } from './rig.ts'

const PATH = '/v1/actuators/valve/trip'

for (const [how, phase] of [
  ['that gets to its safe state', 'tripped'],
  ['that does not get there', 'trip-failed'],
] as const) {
  test(`a trip by hand of an actuator ${how} acts at once, and is answered when its latch is on the disk, not before`, async () => {
    await using rig = await commandRig()
    if (phase === 'trip-failed') {
      rig.driver.values.set('valve.feedback', 1)
      rig.driver.onWrite = () => {}
    }
    const disk = Promise.withResolvers<undefined>()
    let answered = false
    const received = rig.sign(rig.issue(), { path: PATH, body: '{}' })
    const keeper = { kept: () => disk.promise }
    const answer = tripByHand(received, undefined, 'valve', { ...rig.manualTrips, keeper })
    void answer.then(() => {
      answered = true
    })
    await rig.clock.advance(60_000)
    assert.deepEqual([rig.trips.phase('valve'), answered], [phase, false])
    disk.resolve(undefined)
    await answer
    assert.equal(answered, true)
  })
}

test('a trip by hand that does not get to its safe state says, too, that the disk does not take its latch', async () => {
  await using rig = await commandRig()
  rig.driver.values.set('valve.feedback', 1)
  rig.driver.onWrite = () => {}
  const received = rig.sign(rig.issue(), { path: PATH, body: '{}' })
  for (const unkept of ['the disk is full', undefined]) {
    const keeper = { kept: async () => unkept }
    const answer = tripByHand(received, undefined, 'valve', { ...rig.manualTrips, keeper })
    await rig.clock.advance(60_000)
    const failed = await answer
    assert.ok(failed instanceof Refused)
    assert.deepEqual([failed.refusal.code, failed.unkept], ['trip-failed', unkept])
    const words = /not be tripped any more after a power cut: the disk is full$/
    assert.equal(words.test(failed.refusal.detail), unkept !== undefined, failed.refusal.detail)
  }
})

test('a trip by hand is answered though the disk does not take its latch, and the answer says so', async () => {
  await using rig = await commandRig()
  const received = rig.sign(rig.issue(), { path: PATH, body: '{}' })
  const keeper = { kept: async () => 'the disk has not answered for 3 s' }
  const answer = tripByHand(received, undefined, 'valve', { ...rig.manualTrips, keeper })
  await rig.clock.advance(60_000)
  assert.deepEqual(await answer, { phase: 'tripped', unkept: 'the disk has not answered for 3 s' })
})
