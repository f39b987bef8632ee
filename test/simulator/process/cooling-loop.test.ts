import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stepCoolingLoop } from '../../../simulator/process/cooling-loop.ts'

const SPEC = {
  thermal_mass_kj_per_k: 200,
  heat_load_kw: 25,
  ambient_c: 18,
  cooling_kw_per_k: 1.5,
  loss_kw_per_k: 0.2,
}

describe('a cooling loop', () => {
  it('keeps the heat balance: in = removed + stored, at any load, conductance, mass and step', () => {
    const positive = (max: number) => fc.double({ min: 0, max, noNaN: true })
    fc.assert(
      fc.property(
        fc.record({
          thermal_mass_kj_per_k: fc.double({ min: 0.1, max: 1e5, noNaN: true }),
          heat_load_kw: positive(1000),
          ambient_c: fc.double({ min: -40, max: 50, noNaN: true }),
          cooling_kw_per_k: positive(50),
          loss_kw_per_k: positive(5),
        }),
        fc.array(positive(1), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 60_000 }),
        (spec, circulations, dt) => {
          let loop = { temperature_c: 32, removed_kw: 0 }
          for (const circulation of circulations) {
            const before = loop.temperature_c
            loop = stepCoolingLoop(spec, loop, circulation, dt)
            const stored_kw = ((loop.temperature_c - before) * spec.thermal_mass_kj_per_k) / (dt / 1000)
            const missing = spec.heat_load_kw - loop.removed_kw - stored_kw
            // The stored heat is a small difference of large temperatures: its error grows as the step shrinks.
            const scale =
              spec.heat_load_kw + (Math.abs(before) + 1) * spec.thermal_mass_kj_per_k * (1000 / dt)
            assert.ok(Math.abs(missing) <= 1e-9 * (1 + scale), `${missing} kW are missing`)
          }
        },
      ),
      { numRuns: 300, seed: 20_261_124 },
    )
  })

  it('removes what Newton’s law says: conductance times the mean distance to ambient', () => {
    // Many small steps against the midpoint rule, which shares no formula with the closed solution.
    let loop = { temperature_c: 60, removed_kw: 0 }
    for (let step = 0; step < 1000; step++) {
      const before = loop.temperature_c
      loop = stepCoolingLoop(SPEC, loop, 1, 10)
      const midpoint = (before + loop.temperature_c) / 2
      assert.ok(Math.abs(loop.removed_kw - 1.7 * (midpoint - 18)) < 1e-6)
    }
  })

  it('settles where the pump carries off the whole load, however long the step', () => {
    const settled = 18 + 25 / 1.7
    const { temperature_c } = stepCoolingLoop(SPEC, { temperature_c: 90, removed_kw: 0 }, 1, 86_400_000)
    assert.ok(Math.abs(temperature_c - settled) < 1e-9)
  })

  it('heats without end when nothing carries heat off', () => {
    const spec = { ...SPEC, cooling_kw_per_k: 0, loss_kw_per_k: 0 }
    const loop = stepCoolingLoop(spec, { temperature_c: 20, removed_kw: 0 }, 1, 8000)
    assert.deepEqual(loop, { temperature_c: 21, removed_kw: 0 })
  })
})
