import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stepValve, valveFlow } from '../../../simulator/process/valve.ts'

const SPEC = { stroke_time: 300, flow_l_s: 6, leakage_l_s: 0.02 }

describe('a valve', () => {
  it('is exactly open after its stroke time, and not a step before', () => {
    let valve = { position: 0 }
    for (let step = 1; step < 30; step++) valve = stepValve(SPEC, valve, 1, 10)
    assert.ok(valve.position < 1)
    assert.equal(stepValve(SPEC, valve, 1, 10).position, 1)
  })

  it('never leaves 0 to 1, never overshoots its target, and rests on it', () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(part, part, fc.integer({ min: 1, max: 1000 }), (from, to, dt) => {
        const { position } = stepValve(SPEC, { position: from }, to, dt)
        assert.ok(position >= Math.min(from, to) && position <= Math.max(from, to))
        assert.equal(stepValve(SPEC, { position: to }, to, dt).position, to)
      }),
      { seed: 20_261_127 },
    )
  })

  it('leaks when closed and passes its full flow when open', () => {
    assert.equal(valveFlow(SPEC, { position: 0 }), 0.02)
    assert.equal(valveFlow(SPEC, { position: 1 }), 6)
  })
})
