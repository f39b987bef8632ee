import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Drive,
  type Element,
  type Elements,
  initialProcess,
  type ProcessState,
  stepProcess,
} from '../../../simulator/process/process.ts'

const TANKS = ['t0', 't1', 't2']
const amount = (max: number) => fc.double({ min: 0, max, noNaN: true })
const tankOrWorld = fc.option(fc.constantFrom(...TANKS), { nil: undefined })

const valve = fc.record({
  kind: fc.constant('valve' as const),
  draws_from: tankOrWorld,
  fills: tankOrWorld,
  stroke_time: fc.integer({ min: 1, max: 20_000 }),
  flow_l_s: amount(500),
  leakage_l_s: amount(1),
  initial_position: amount(1),
})
const pump = fc.record({
  kind: fc.constant('pump' as const),
  draws_from: tankOrWorld,
  fills: tankOrWorld,
  spin_up: fc.integer({ min: 1, max: 20_000 }),
  initially_running: fc.boolean(),
  variable_speed: fc.boolean(),
  curve: fc.record({
    shutoff_head_m: fc.double({ min: 1, max: 80, noNaN: true }),
    free_flow_l_s: fc.double({ min: 0.1, max: 500, noNaN: true }),
    lift_m: amount(40),
    friction_m: amount(40),
  }),
})
const tank = fc.record({
  kind: fc.constant('tank' as const),
  area_m2: fc.double({ min: 0.01, max: 50, noNaN: true }),
  height_m: fc.constant(3),
  overflow_level_m: fc.constant(2.5),
  initial_level_m: amount(2.5),
  demand_l_s: amount(20),
})
const network = fc
  .tuple(fc.array(fc.oneof(valve, pump), { minLength: 1, maxLength: 8 }), fc.tuple(tank, tank, tank))
  .map(
    ([actuators, tanks]): Elements =>
      new Map<string, Element>([
        ...actuators.map((element, i): [string, Element] => [`a${i}`, element]),
        ...tanks.map((element, i): [string, Element] => [`t${i}`, element]),
      ]),
  )
const targets = fc.array(fc.array(amount(1), { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 30 })

function litresIn(state: ProcessState): number {
  return [...state.values()].reduce((sum, one) => sum + (one.kind === 'tank' ? one.litres : 0), 0)
}

/** What came out of the world less what went back to it in the step that led to `state`, in litres. */
function balance(elements: Elements, state: ProcessState, seconds: number): number {
  let litres = 0
  for (const [name, element] of elements) {
    const now = state.get(name)
    if (now?.kind === 'tank') litres -= (now.outflow_l_s + now.overflow_l_s) * seconds
    if ((now?.kind !== 'valve' && now?.kind !== 'pump') || !('fills' in element || 'draws_from' in element))
      continue
    const { fills, draws_from } = element as { fills?: string; draws_from?: string }
    if (draws_from === undefined && fills !== undefined) litres += now.flow_l_s * seconds
    if (draws_from !== undefined && fills === undefined) litres -= now.flow_l_s * seconds
  }
  return litres
}

describe('a network of tanks, valves and pumps', () => {
  it('neither makes nor loses water: in = out + stored, in every step of any network', () => {
    fc.assert(
      fc.property(network, targets, fc.integer({ min: 1, max: 60_000 }), (elements, strokes, dt) => {
        let state = initialProcess(elements)
        for (const positions of strokes) {
          const drives = new Map<string, Drive>(
            positions.map((target, i) => [`a${i}`, { target, slowness: 1 }]),
          )
          const before = litresIn(state)
          state = stepProcess(elements, state, drives, dt)
          const stored = litresIn(state) - before
          const missing = balance(elements, state, dt / 1000) - stored
          const scale = 1 + before + (8 * 500 * dt) / 1000
          assert.ok(Math.abs(missing) <= 1e-9 * scale, `${missing} litres are missing`)
          for (const [name, one] of state) {
            if (one.kind === 'tank') assert.ok(one.litres >= 0, `${name} holds ${one.litres} litres`)
          }
        }
      }),
      { numRuns: 300, seed: 20_261_123 },
    )
  })

  it('draws no more from a tank than there is, and as much from it for each in proportion', () => {
    const common = { kind: 'valve', stroke_time: 1, leakage_l_s: 0, initial_position: 1 } as const
    const elements: Elements = new Map([
      ['small', { ...common, draws_from: 't', fills: 'u', flow_l_s: 10 }],
      ['large', { ...common, draws_from: 't', flow_l_s: 30 }],
      [
        't',
        { kind: 'tank', area_m2: 1, height_m: 1, overflow_level_m: 1, initial_level_m: 0.02, demand_l_s: 0 },
      ],
      [
        'u',
        { kind: 'tank', area_m2: 1, height_m: 1, overflow_level_m: 1, initial_level_m: 0, demand_l_s: 0 },
      ],
    ])
    const state = stepProcess(elements, initialProcess(elements), new Map(), 1000)
    const flowOf = (name: string) => {
      const one = state.get(name)
      return one?.kind === 'valve' ? one.flow_l_s : Number.NaN
    }
    assert.deepEqual([flowOf('small'), flowOf('large'), litresIn(state)], [5, 15, 5])
  })
})
