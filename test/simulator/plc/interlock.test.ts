import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Interlock } from '../../../simulator/plc/interlock.ts'
import { startGuarded } from './coupler-rig.ts'

describe('an interlock', () => {
  it('acts beyond its limit and clears where it says', () => {
    const rows = [
      [{ above: 10 }, [9, 10, 10.1, 10, 9], [0, 0, 1, 0, 0]],
      [{ above: 10, clears_at: 8 }, [9, 11, 9, 8, 9], [0, 1, 1, 0, 0]],
      [{ below: 2 }, [3, 2, 1.9, 2, 3], [0, 0, 1, 0, 0]],
      [{ below: 2, clears_at: 4 }, [3, 1, 3, 4, 3], [0, 1, 1, 0, 0]],
    ] as const
    for (const [limits, values, acts] of rows) {
      const interlock = new Interlock({ signal: 's', force: 'f', to: 0, ...limits })
      assert.deepEqual(
        values.map(value => Number(interlock.look(value))),
        acts,
        JSON.stringify(limits),
      )
    }
  })

  it('overrides the master’s command, shows that it does, and gives it back', async () => {
    await using rig = await startGuarded(undefined, {
      interlocks: [
        {
          signal: 'tank.level',
          above: 1.202,
          clears_at: 1.2,
          force: 'inlet-valve.command',
          to: 0,
          discrete_input: 9,
        },
      ],
    })
    const changes: number[] = []
    rig.plant.onScan(() => {
      const acts = rig.plant.image.discreteInput(9)
      if (acts !== (changes.at(-1) ?? 0)) changes.push(acts)
      assert.ok(rig.plant.truth('tank.level') < 1.203)
    })
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(20_000)
    // The inlet brings more than is drawn: it closes and opens by turns, and the master's cell says open all the while.
    assert.deepEqual(changes.slice(0, 4), [1, 0, 1, 0])
    assert.equal(rig.plant.image.coil(0), 1)
  })

  it('is fooled by a sensor that lies, as the real one would be', async () => {
    await using rig = await startGuarded(undefined, {
      interlocks: [{ signal: 'tank.level', above: 2, force: 'inlet-valve.command', to: 0 }],
    })
    await rig.client.writeCoil(0, true)
    await rig.plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 2.5 })
    await rig.clock.advance(1000)
    assert.equal(rig.plant.truth('inlet-valve.position'), 0)
  })
})
