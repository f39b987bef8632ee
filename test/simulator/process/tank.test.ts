import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { litresAt, stepTank, tankLevel } from '../../../simulator/process/tank.ts'

const amount = (max: number) => fc.double({ min: 0, max, noNaN: true })

describe('a tank', () => {
  it('keeps the water balance: in = outflow + overflow + stored, at any flow, level and step', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        amount(1),
        amount(1000),
        fc.array(amount(1000), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 60_000 }),
        (area_m2, full, demand_l_s, inflows, dt) => {
          const spec = { area_m2, height_m: 3, overflow_level_m: 2.5, demand_l_s }
          const start = litresAt(spec, 2.5 * full)
          let tank = { litres: start, outflow_l_s: 0, overflow_l_s: 0 }
          let [entered, left] = [0, 0]
          for (const inflow of inflows) {
            tank = stepTank(spec, tank, inflow, dt)
            entered += (inflow * dt) / 1000
            left += ((tank.outflow_l_s + tank.overflow_l_s) * dt) / 1000
            assert.ok(tank.litres >= 0 && tankLevel(spec, tank) <= 2.5 * (1 + 1e-12))
          }
          const missing = entered - left - (tank.litres - start)
          assert.ok(Math.abs(missing) <= 1e-9 * (1 + entered + start), `${missing} litres are missing`)
        },
      ),
      { seed: 20_261_125 },
    )
  })

  it('gives an empty tank’s consumers only what flows in', () => {
    const spec = { area_m2: 1, height_m: 1, overflow_level_m: 1, demand_l_s: 5 }
    const tank = stepTank(spec, { litres: 0, outflow_l_s: 0, overflow_l_s: 0 }, 2, 1000)
    assert.deepEqual(tank, { litres: 0, outflow_l_s: 2, overflow_l_s: 0 })
  })

  it('spills what would stand above the overflow', () => {
    const spec = { area_m2: 1, height_m: 1, overflow_level_m: 0.5, demand_l_s: 0 }
    const tank = stepTank(spec, { litres: 499, outflow_l_s: 0, overflow_l_s: 0 }, 3, 1000)
    assert.deepEqual(tank, { litres: 500, outflow_l_s: 0, overflow_l_s: 2 })
  })
})
