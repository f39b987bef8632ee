import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Drive, type Elements, initialProcess, stepProcess } from '../../../simulator/process/process.ts'
import { measure } from '../../../simulator/process/signal.ts'

const ELEMENTS: Elements = new Map([
  [
    'v1',
    { kind: 'valve', fills: 'tank', stroke_time: 300, flow_l_s: 6, leakage_l_s: 0, initial_position: 0 },
  ],
  ['v2', { kind: 'valve', fills: 'tank', stroke_time: 70, flow_l_s: 9, leakage_l_s: 1, initial_position: 1 }],
  ['pump', { kind: 'pump', cools: 'loop', spin_up: 200, initially_running: false, variable_speed: false }],
  ['tank', { kind: 'tank', area_m2: 2, height_m: 3, overflow_level_m: 3, initial_level_m: 1, demand_l_s: 2 }],
  [
    'loop',
    {
      kind: 'cooling-loop',
      thermal_mass_kj_per_k: 200,
      heat_load_kw: 25,
      ambient_c: 18,
      cooling_kw_per_k: 1.5,
      loss_kw_per_k: 0.2,
      initial_temperature_c: 32,
    },
  ],
])
const drive = (target: number): Drive => ({ target, slowness: 1 })

function run(steps: number, dt: number, drives: [string, Drive][]): Map<string, number> {
  let state = initialProcess(ELEMENTS)
  for (let step = 0; step < steps; step++) state = stepProcess(ELEMENTS, state, new Map(drives), dt)
  return measure(ELEMENTS, state)
}

describe('the process', () => {
  it('stays as it is where it is not driven', () => {
    const signals = run(100, 10, [])
    assert.equal(signals.get('v1.position'), 0)
    assert.equal(signals.get('v2.position'), 1)
  })

  it('fills a tank with the sum of its valves, through their strokes to the last drop', () => {
    // v1 opens in 0.3 s: 6 × (1 - 0.15) litres in the first second. v2 passes 9, the consumers draw 2.
    const litres = (run(100, 10, [['v1', drive(1)]]).get('tank.level') ?? 0) * 2000
    assert.ok(Math.abs(litres - (2000 + 5.1 + 9 - 2)) < 1e-9, `${litres} litres`)
  })

  it('cools more with its pump than without', () => {
    const off = run(1000, 10, []).get('loop.temperature') ?? 0
    const on = run(1000, 10, [['pump', drive(1)]]).get('loop.temperature') ?? 0
    assert.ok(on < off)
  })

  it('does not depend on how time is cut, once its actuators rest', () => {
    const [fine, coarse] = [run(3000, 10, []), run(3, 10_000, [])]
    for (const [signal, value] of fine) {
      // A mean over the last step, which is the whole time or a hundredth of a second of it.
      if (signal === 'loop.removed') continue
      assert.ok(Math.abs(value - (coarse.get(signal) ?? Number.NaN)) < 1e-6, signal)
    }
  })

  it('never makes a value that is not a number', () => {
    const drives = fc.array(
      fc.tuple(
        fc.constantFrom('v1', 'v2', 'pump'),
        fc.record({ target: fc.constantFrom(0, 0.3, 1), slowness: fc.constantFrom(0.1, 1, 50) }),
      ),
    )
    fc.assert(
      fc.property(drives, fc.integer({ min: 1, max: 10_000 }), (driven, dt) => {
        for (const value of run(20, dt, driven).values()) assert.ok(Number.isFinite(value))
      }),
      { seed: 20_261_126 },
    )
  })
})
