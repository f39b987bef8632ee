import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Sensor } from '../../simulator/sensor.ts'
import { startRig } from './water-plant.ts'

describe('a sensor', () => {
  it('shows 63 % of a jump after its lag, however time is cut', () => {
    for (const step of [1, 10, 500, 2000]) {
      const sensor = new Sensor('level', { noise: 0, lag: 2000 }, 1, 0)
      let shown = 0
      for (let at = 0; at < 2000; at += step) shown = sensor.read(1, step)
      assert.ok(Math.abs(shown - (1 - Math.exp(-1))) < 1e-9, `${shown} in steps of ${step}`)
    }
  })

  it('is noisy around the truth, with the deviation that was asked for', () => {
    const sensor = new Sensor('level', { noise: 0.5, lag: 0 }, 1, 3)
    const errors = Array.from({ length: 10_000 }, () => sensor.read(3, 10) - 3)
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)
    assert.ok(Math.abs(deviation - 0.5) < 0.02, `${deviation}`)
  })

  it('shows the same noise for the same seed, in the plant too, and the truth stays true', async () => {
    const run = async (seed: number) => {
      await using rig = await startRig([], {
        seed,
        sensors: { 'tank.level': { noise: 0.01 }, 'cooling-loop.temperature': { noise: 0.5, lag: '1s' } },
      })
      const shown: number[] = []
      rig.plant.onScan(() => shown.push(rig.plant.image.inputRegister(1), rig.plant.image.inputRegister(2)))
      await rig.clock.advance(500)
      return { shown, truth: rig.plant.truth('tank.level') }
    }
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    assert.deepEqual(first, again)
    assert.notDeepEqual(first.shown, other.shown)
    assert.equal(first.truth, other.truth)
    assert.ok(new Set(first.shown).size > 20)
  })
})
