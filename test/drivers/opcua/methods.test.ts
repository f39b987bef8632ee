import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, point, site } from './site.ts'

const LATER = 5000

test('a method for each value is called without an argument, and no value has another', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  assert.deepEqual(await driver.write('start', 1, LATER), { kind: 'accepted' })
  assert.deepEqual(await driver.write('start', 0, LATER), { kind: 'accepted' })
  assert.deepEqual(plant.server.done, ['Open', 'Close'])
  await assert.rejects(driver.write('start', 2, LATER), RangeError)
  await assert.rejects(driver.read('start', LATER), RangeError)
  assert.deepEqual(plant.server.done, ['Open', 'Close'])
})

test('arguments that are always the same are handed over in their places; one too many is named and nothing is done', async () => {
  await using plant = await site()
  const { node } = point('Valve.Move')
  const always = { dataType: 'UInt16', value: 3 } as const
  const points = new Map([
    [
      'fixed',
      point('Valve', {
        call: { method: new Map([[1, node]]), arguments: [{ dataType: 'Double', value: 12.5 }] },
      }),
    ],
    ['many', point('Valve', { call: { method: node, arguments: ['setpoint', always] }, dataType: 'Double' })],
    ['other', point('Valve', { call: { method: node, arguments: ['setpoint'] }, dataType: 'UInt16' })],
  ])
  await using driver = await connect(plant.endpoint, points)
  assert.deepEqual(await driver.write('fixed', 1, LATER), { kind: 'accepted' })
  const many = await driver.write('many', 1, LATER)
  assert.deepEqual(many, { kind: 'rejected', reason: 'the server says BadTooManyArguments' })
  const other = await driver.write('other', 1, LATER)
  assert.equal(other.kind, 'rejected')
  assert.match('reason' in other ? other.reason : '', /BadInvalidArgument; argument 0: BadTypeMismatch/)
  assert.deepEqual(plant.server.done, ['Move 12.5'])
})

test('a method that gives another result than the one that means done is unknown, and says what it gave', async () => {
  await using plant = await site()
  const call = { method: point('Valve.Move').node, arguments: ['setpoint'] as const }
  const points = new Map([
    ['move', point('Valve', { call: { ...call, result: { output: 0, value: 0 } }, dataType: 'Double' })],
    ['second', point('Valve', { call: { ...call, result: { output: 1, value: 0 } }, dataType: 'Double' })],
  ])
  await using driver = await connect(plant.endpoint, points)
  assert.deepEqual(await driver.write('move', 5, LATER), { kind: 'accepted' })
  plant.server.result = 7
  assert.deepEqual(await driver.write('move', 6, LATER), {
    kind: 'unknown',
    reason: 'the method was called, and gave 7 as output 0 where 0 says that it was done',
  })
  const second = await driver.write('second', 6, LATER)
  assert.match('reason' in second ? second.reason : '', /gave nothing as output 1/)
})
