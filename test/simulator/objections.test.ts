import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Objection, Objections } from '../../simulator/objections.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const MINUTE = 60_000

function rig() {
  const clock = new VirtualClock()
  const objections = new Objections(clock)
  const told: Objection[] = []
  const end = objections.on(objection => told.push(objection))
  return { clock, objections, told, end }
}

test('the same from one address is told at once, then ever more seldom, with how many there were meanwhile', async () => {
  const { clock, objections, told } = rig()
  for (let port = 1; port <= 1000; port += 1) objections.raise(`192.0.2.1:${port}`, 'nonsense')
  assert.deepEqual(told, [{ peer: '192.0.2.1:1', reason: 'nonsense', more: 0 }])
  await clock.advance(MINUTE)
  objections.raise('192.0.2.1:2000', 'nonsense')
  objections.raise('192.0.2.1:2001', 'nonsense')
  assert.deepEqual(told.slice(1), [{ peer: '192.0.2.1:2000', reason: 'nonsense', more: 999 }])
  await clock.advance(MINUTE)
  objections.raise('192.0.2.1:2002', 'nonsense')
  assert.equal(told.length, 2, 'the second wait is longer')
  await clock.advance(MINUTE)
  objections.raise('192.0.2.1:2003', 'nonsense')
  assert.deepEqual(told[2], { peer: '192.0.2.1:2003', reason: 'nonsense', more: 2 })
})

test('another reason and another address are told by themselves, until there are too many to tell apart', () => {
  const { objections, told } = rig()
  objections.raise('192.0.2.1:1', 'nonsense')
  objections.raise('192.0.2.1:1', 'another')
  objections.raise('[2001:db8::1]:1', 'nonsense')
  assert.deepEqual(
    told.map(({ peer, reason }) => `${peer} ${reason}`),
    ['192.0.2.1:1 nonsense', '192.0.2.1:1 another', '[2001:db8::1]:1 nonsense'],
  )
  for (let host = 0; host < 10_000; host += 1)
    objections.raise(`10.0.${host >> 8}.${host & 255}:1`, 'nonsense')
  assert.equal(told.length, 101)
})

test('whoever does not want to hear more is not told', () => {
  const { objections, told, end } = rig()
  end()
  objections.raise('192.0.2.1:1', 'nonsense')
  assert.deepEqual(told, [])
})
