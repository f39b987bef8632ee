import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueIn } from '../driver.contract.ts'
import { connect, point, site } from './site.ts'

const LATER = 5000

test('a session that the server has forgotten: the write is refused and not sent again; the next session takes the next one', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const before = driver.link.connection
  plant.server.forgetSessions()
  const written = await driver.write('out', 1, LATER)
  assert.deepEqual(written, { kind: 'rejected', reason: 'the server says BadSessionIdInvalid' })
  while (!('session' in driver.link.connection) || driver.link.connection === before)
    await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(plant.server.done, [])
  assert.deepEqual(await driver.write('out', 2, LATER), { kind: 'accepted' })
  assert.deepEqual(plant.server.done, ['Out 2'])
})

test('out of range is a no of the server, and nothing is written', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  plant.server.refusal = 'BadOutOfRange'
  assert.deepEqual(await driver.write('out', 1000, LATER), {
    kind: 'rejected',
    reason: 'the server says BadOutOfRange',
  })
  assert.equal(plant.server.held.get('Out'), 0)
})

test('another type than the configuration says is no value to read, and is refused when written', async () => {
  await using plant = await site()
  const points = new Map([
    ['declared', point('Valve.Out', { dataType: 'Int32' })],
    ['text', point('Valve.Text')],
    ['number', point('Valve.Text', { dataType: 'Double' })],
  ])
  await using driver = await connect(plant.endpoint, points)
  assert.equal(
    valueIn(await driver.read('declared', LATER)),
    'the server holds Double there, and the configuration says Int32',
  )
  assert.equal(valueIn(await driver.read('text', LATER)), 'the server holds something that is no number')
  assert.match(String(valueIn(await driver.read('number', LATER))), /holds no number there/)
  const written = await driver.write('declared', 1, LATER)
  assert.deepEqual(written, { kind: 'rejected', reason: 'the server says BadTypeMismatch' })
  assert.deepEqual(plant.server.done, [])
})
