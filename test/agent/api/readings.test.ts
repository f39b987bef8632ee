import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Readings } from '../../../agent/api/readings.ts'
import { commandRig } from '../command/rig.ts'

test('however many look at an actuator at once, its device is asked once; whoever looks later asks anew', async () => {
  await using rig = await commandRig()
  const released = Promise.withResolvers<void>()
  let asked = 0
  const { read } = rig.driver
  rig.driver.read = async (point, signal) => {
    asked += 1
    await released.promise
    return await read.call(rig.driver, point, signal)
  }
  const readings = new Readings()
  const looks = Array.from({ length: 200 }, () => readings.read(rig.valve))
  released.resolve()
  assert.equal(new Set((await Promise.all(looks)).map(({ kind }) => kind)).size, 1)
  assert.equal(asked, 1)
  await readings.read(rig.valve)
  assert.equal(asked, 2)
})
