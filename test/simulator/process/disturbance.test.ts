import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startRig } from '../water-plant.ts'

describe('a disturbance', () => {
  it('changes what the world does, from now on', async () => {
    await using rig = await startRig()
    rig.plant.disturb('tank.demand', 0)
    rig.plant.disturb('cooling-loop.heat-load', 0)
    await rig.clock.advance(60_000)
    assert.equal(rig.plant.truth('tank.outflow'), 0)
    assert.ok(rig.plant.truth('cooling-loop.temperature') < 32)
    rig.plant.disturb('tank.demand', 7)
    await rig.clock.advance(1000)
    assert.ok(Math.abs(rig.plant.truth('tank.outflow') - 7) < 1e-9)
  })

  it('is refused in words when there is no such thing', async () => {
    await using rig = await startRig()
    for (const [disturbance, value, message] of [
      ['tank.level', 1, /the plant has no tank.level; it has tank.demand, cooling-loop.heat-load/],
      ['inlet-valve.demand', 1, /the plant has no inlet-valve.demand/],
      ['tank.demand', -1, /tank.demand cannot be less than 0/],
      ['tank.demand', Number.NaN, /tank.demand cannot be less than 0/],
    ] as const) {
      assert.throws(() => rig.plant.disturb(disturbance, value), message)
    }
  })
})
