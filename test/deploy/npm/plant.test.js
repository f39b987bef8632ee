import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startPlant, VirtualClock } from '@holdfast/simulator'

// What somebody else's project may hold: copied into one, as JavaScript and as TypeScript, and run there.

test('a level that lies is what a master reads over Modbus', async () => {
  const clock = new VirtualClock()
  await using plant = await startPlant({ file: 'plant.yaml' }, { clock, port: 0 })
  await plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 0.125 })
  await clock.advance(1000)

  const master = connect(plant.address)
  // Transaction 1, unit 1: read input register 1, the level in millimetres.
  master.write(Buffer.from('000100000006010400010001', 'hex'))
  const [answer] = await once(master, 'data')
  master.destroy()

  assert.equal(answer.toString('hex'), '000100000005010402007d')
  assert.equal(plant.tank('tank').level_m > 1, true)
})
