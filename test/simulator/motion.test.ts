import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeMotion, watchMotion } from '../../simulator/motion.ts'
import { startRig } from './water-plant.ts'

describe('motion', () => {
  it('is told in the trade’s words', () => {
    const rows: [Parameters<typeof describeMotion>, string][] = [
      [['valve', 0, 0], 'closed'],
      [['valve', 0, 0.1], 'opening'],
      [['valve', 0.9, 1], 'open'],
      [['valve', 1, 0.9], 'closing'],
      [['valve', 0.4, 0.4], 'stopped at 40 %'],
      [['pump', 0, 0], 'off'],
      [['pump', 0, 0.1], 'starting'],
      [['pump', 1, 1], 'running'],
      [['pump', 1, 0.5], 'stopping'],
    ]
    for (const [from, words] of rows) assert.equal(describeMotion(...from), words)
  })

  it('is reported once for each change of state, from the truth and not from the sensors', async () => {
    await using rig = await startRig([{ kind: 'feedback-frozen', signal: 'inlet-valve.position' }])
    const log: string[] = []
    watchMotion(rig.plant, ({ element, state }) => log.push(`${element} ${state}`))
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(500)
    assert.deepEqual(log, [
      'inlet-valve closed',
      'drain-valve closed',
      'coolant-pump off',
      'inlet-valve opening',
      'inlet-valve open',
    ])
  })
})
