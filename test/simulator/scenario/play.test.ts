import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { stringify } from 'yaml'
import { playScenario, type StepResult } from '../../../simulator/scenario/play.ts'
import { readScenario } from '../../../simulator/scenario/read.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { WATER_PLANT } from '../water-plant.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scenario-'))
  const watchdog = { kind: 'register', register: 100, time: '2s' }
  const plant = { ...WATER_PLANT, plc: { ...WATER_PLANT.plc, watchdog } }
  await writeFile(join(folder, 'plant.yaml'), stringify(plant))
})
after(() => rm(folder, { recursive: true }))

/** Plays steps in virtual time; returns what became of each, and whether all passed. */
async function play(steps: string): Promise<{ passed: boolean; results: StepResult[] }> {
  const file = join(folder, 'scenario.yaml')
  await writeFile(file, `scenario: test\nplant: plant.yaml\nsteps:\n${steps}`)
  const clock = new VirtualClock()
  const results: StepResult[] = []
  const passed = await playScenario(
    await readScenario(file),
    { clock, pass: ms => clock.advance(ms), host: '127.0.0.1', port: 0 },
    result => results.push(result),
  )
  return { passed, results }
}

const settled = ({ at, passed, found }: StepResult) =>
  `${at} ${passed ? 'ok' : 'failed'} ${found ?? ''}`.trim()

describe('a scenario', () => {
  it('does each step at its time and passes when every expectation holds', async () => {
    const { passed, results } = await play(`
  - {at: 1s, expect: {signal: inlet-valve.position, equals: 0}}
  - {at: 1s, write: {coil: 0, value: 1}}
  - {at: 1s, expect: {input_register: 0, equals: 1000, within: 500ms}}
  - {at: 2s, fault: {kind: stuck, element: inlet-valve}}
  - {at: 2s, write: {coil: 0, value: 0}}
  - {at: 2s, expect: {signal: inlet-valve.open, equals: 1, throughout: 3s}}
  - {at: 6s, clear: stuck}
  - {at: 6s, disturb: {signal: tank.demand, to: 9}}
  - {at: 7s, expect: {shown: tank.outflow, min: 8.9, max: 9.1}}
  - {at: 7s, expect: {coil: 0, equals: 0}}
`)
    assert.deepEqual(results.map(settled), [
      '1000 ok 0',
      '1000 ok ok',
      '1310 ok 1000',
      '2000 ok',
      '2000 ok ok',
      '5000 ok 1',
      '6000 ok',
      '6000 ok',
      '7000 ok 9',
      '7000 ok 0',
    ])
    assert.equal(passed, true)
  })

  it('fails by the expectation that did not hold, with its place and what was found', async () => {
    const rows: [step: string, settled: string][] = [
      ['{at: 1s, expect: {signal: inlet-valve.position, min: 0.5}}', '1000 failed 0'],
      ['{at: 1s, expect: {coil: 0, equals: 1, within: 2s}}', '3000 failed 0'],
      [
        '{at: 0s, expect: {signal: cooling-loop.temperature, max: 32.1, throughout: 9s}}',
        '910 failed 32.101',
      ],
      ['{at: 0s, write: {coil: 0, value: 1, answer: exception, code: 6}}', '0 failed ok'],
      ['{at: 0s, write: {coil: 0, value: 1, answer: none}}', '0 failed ok'],
      ['{at: 0s, expect: {watchdog: running}}', '0 failed off'],
    ]
    for (const [step, outcome] of rows) {
      const { passed, results } = await play(`  - ${step}\n`)
      assert.equal(passed, false)
      assert.deepEqual(results.map(settled), [outcome], step)
      assert.equal(results[0]?.place, `${join(folder, 'scenario.yaml')}:4:5`)
    }
  })

  it('writes as a master does, who hears exceptions, nothing, or answers that are late', async () => {
    const { passed, results } = await play(`
  - {at: 0s, fault: {kind: exception, code: 6, on: writes}}
  - {at: 0s, write: {coil: 0, value: 1, answer: exception, code: 6}}
  - {at: 0s, clear: exception}
  - {at: 0s, fault: {kind: dropped-link}}
  - {at: 0s, write: {coil: 0, value: 1, answer: none}}
  - {at: 0s, clear: all}
  - {at: 0s, fault: {kind: latency, ms: 300}}
  - {at: 0s, write: {holding_register: 0, value: 3, within: 400ms}}
  - {at: 1s, expect: {coil: 0, equals: 0}}
`)
    assert.equal(passed, true, JSON.stringify(results))
    const late = await play(`
  - {at: 0s, fault: {kind: latency, ms: 300}}
  - {at: 0s, write: {holding_register: 0, value: 3, within: 200ms}}
`)
    assert.equal(late.passed, false)
  })

  it('feeds a watchdog by counting, until a moment', async () => {
    const { passed, results } = await play(`
  - {at: 0s, every: 1s, until: 10s, write: {holding_register: 100, counting: true}}
  - {at: 500ms, expect: {watchdog: running, throughout: 11s}}
  - {at: 11s, expect: {watchdog: expired, within: 2s}}
`)
    assert.equal(passed, true)
    assert.equal(results.length, 11 + 2)
    assert.equal(results.at(-1)?.at, 12_010)
  })

  it('is the same every time, noise and jitter and all', async () => {
    const steps = `
  - {at: 0s, fault: {kind: latency, ms: 100, jitter_ms: 100}}
  - {at: 0s, every: 100ms, until: 1s, write: {coil: 0, value: 1}}
`
    const first = await play(steps)
    assert.deepEqual(await play(steps), first)
    assert.ok(new Set(first.results.map(({ found }) => found)).size > 5)
  })
})
