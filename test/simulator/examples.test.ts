import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startPlant } from '../../simulator/plant.ts'
import { playScenario, type StepResult } from '../../simulator/scenario/play.ts'
import { readScenario } from '../../simulator/scenario/read.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const plants = globSync('*/plant.yaml', { cwd: EXAMPLES }).sort()
const scenarios = globSync('*/scenarios/*.yaml', { cwd: EXAMPLES }).sort()

async function play(file: string): Promise<StepResult[]> {
  const clock = new VirtualClock()
  const results: StepResult[] = []
  await playScenario(
    await readScenario(join(EXAMPLES, file)),
    { clock, pass: ms => clock.advance(ms), host: '127.0.0.1', port: 0, serial: false, opcua: false },
    result => results.push(result),
  )
  return results
}

describe('the examples', () => {
  it('are plants that start', async () => {
    assert.ok(plants.length >= 3)
    for (const file of plants) {
      await using plant = await startPlant(
        { file: join(EXAMPLES, file) },
        { clock: new VirtualClock(), port: 0, opcua: false },
      )
      assert.ok(plant.plcs.length > 0)
    }
  })

  it('have scenarios for every plant', () => {
    assert.ok(scenarios.length >= 10)
    for (const file of plants) {
      assert.ok(
        scenarios.some(scenario => scenario.startsWith(file.replace('plant.yaml', ''))),
        file,
      )
    }
  })

  for (const file of scenarios) {
    it(`${file}: everything goes as it expects`, async () => {
      const failed = (await play(file)).filter(({ passed }) => !passed)
      assert.deepEqual(failed, [])
    })
  }

  it('go the same way every time, noise and all', async () => {
    for (const file of ['cooling-loop/scenarios/pump-failure.yaml', 'dairy/scenarios/bad-network.yaml']) {
      assert.deepEqual(await play(file), await play(file))
    }
  })
})
