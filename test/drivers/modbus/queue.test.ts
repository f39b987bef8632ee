import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange, ExchangeKind } from '../../../drivers/modbus/exchange.ts'
import { type Place, Queue } from '../../../drivers/modbus/queue.ts'

const welcome = () => true

function exchange(kind: ExchangeKind, unit: number, turnOf: string | undefined): Exchange {
  return { kind, turnOf, unit, timeout: 100, request: () => undefined, fits: () => false, ended: () => {} }
}

/** A queue in which these wait; a look is in the place of what it confirms. */
function queueOf(...waiting: readonly (readonly [ExchangeKind, unit: number, place?: Place])[]) {
  const queue = new Queue()
  const add = (
    kind: ExchangeKind,
    unit: number,
    place: Place = kind === 'look' ? 'safe' : kind,
    turnOf: string | null = 'the same',
  ) => {
    const added = exchange(kind, unit, turnOf ?? undefined)
    assert.ok(queue.add(added, place))
    return added
  }
  const added = waiting.map(([kind, unit, place]) => add(kind, unit, place))
  /** What goes out next, and next, as long as something does. */
  const order = (count = 100, isKept = false) => {
    const out: string[] = []
    for (let next = queue.next(isKept, welcome); next; next = queue.next(isKept, welcome)) {
      out.push(`${next.kind} ${next.unit}`)
      if (out.length === count) break
    }
    return out
  }
  return { queue, add, added, order }
}

test('what is towards the safe state goes first, then writes, then reads, whoever waited longer', () => {
  const { order } = queueOf(
    ['read', 1],
    ['safe', 2, 'doubted'],
    ['write', 1],
    ['safe', 4, 'read'],
    ['look', 3],
    ['safe', 1],
  )
  assert.deepEqual(order(), ['look 3', 'safe 1', 'safe 2', 'write 1', 'read 1', 'safe 4'])
})

for (const kind of ['safe', 'write', 'read'] as const) {
  test(`units take turns with what is ${kind}, however much one of them has waiting`, () => {
    const { order } = queueOf([kind, 1], [kind, 1], [kind, 1], [kind, 2], [kind, 3], [kind, 3])
    assert.deepEqual(
      order(),
      [1, 2, 3, 1, 3, 1].map(unit => `${kind} ${unit}`),
    )
  })
}

test('a unit whose request is taken back without a turn has its place still when it comes again', () => {
  const { queue, add, added, order } = queueOf(['read', 1], ['read', 2], ['read', 2])
  const [first] = added
  assert.ok(first)
  assert.equal(queue.remove(first), 'read')
  assert.equal(queue.remove(first), undefined)
  add('read', 1)
  assert.deepEqual(order(), ['read 1', 'read 2', 'read 2'])
})

test('a unit that was looked at lets one of the others go before its next look, and no more than one', () => {
  const { add, order } = queueOf(['look', 1], ['read', 3], ['read', 3], ['read', 3])
  assert.deepEqual(order(1), ['look 1'])
  add('look', 1)
  assert.deepEqual(order(2), ['read 3', 'look 1'])
  add('look', 1)
  assert.deepEqual(order(), ['read 3', 'look 1', 'read 3'])
})

test('looks that were in line before their unit had one wait for nobody else', () => {
  const { order } = queueOf(['look', 1], ['look', 1], ['look', 1], ['read', 2])
  assert.deepEqual(order(), ['look 1', 'look 1', 'look 1', 'read 2'])
})

test('a point that was written towards safe lets one of the others go before it is again, and no more than one', () => {
  const { add, order } = queueOf(['safe', 1], ['write', 3], ['read', 3], ['read', 3])
  for (const other of ['write 3', 'read 3', 'read 3']) {
    assert.deepEqual(order(1), ['safe 1'])
    add('safe', 1)
    assert.deepEqual(order(1), [other])
  }
  assert.deepEqual(order(), ['safe 1'])
})

for (const [what, unit, turnOf] of [
  ['another point of the unit', 1, 'another'],
  ['a point of another unit', 2, 'the same'],
] as const) {
  test(`${what} waits for none of the others, nor for one that was just written`, () => {
    const { add, order } = queueOf(['safe', 1], ['write', 3], ['read', 3])
    assert.deepEqual(order(1), ['safe 1'])
    add('safe', 1)
    add('safe', unit, 'safe', turnOf)
    assert.deepEqual(order(), [`safe ${unit}`, 'write 3', 'safe 1', 'read 3'])
  })
}

test('a unit in doubt is one of the others, and the first of them, beside one that is written again and again', () => {
  const { add, order } = queueOf(['safe', 1], ['safe', 2, 'doubted'], ['read', 3])
  assert.deepEqual(order(1), ['safe 1'])
  add('safe', 1)
  assert.deepEqual(order(2), ['safe 2', 'safe 1'])
  add('safe', 1)
  add('safe', 2, 'doubted')
  assert.deepEqual(order(), ['read 3', 'safe 1', 'safe 2'])
})

test('what goes on with a write that has had its turn waits for nobody else, and is no turn', () => {
  const { add, order } = queueOf(['safe', 1], ['read', 3], ['read', 3])
  assert.deepEqual(order(1), ['safe 1'])
  for (let part = 0; part < 2; part += 1) add('safe', 1, 'safe', null)
  assert.deepEqual(order(2), ['safe 1', 'safe 1'])
  add('safe', 1)
  assert.deepEqual(order(), ['read 3', 'safe 1', 'read 3'])
})

test('with nobody else there looks go on', () => {
  const { add, order } = queueOf(['look', 1])
  assert.deepEqual(order(), ['look 1'])
  add('look', 1)
  assert.deepEqual(order(), ['look 1'])
})

test('while a turn is kept nobody goes but who is towards safe', () => {
  const { add, order } = queueOf(['look', 1], ['write', 2], ['read', 2], ['safe', 3, 'doubted'])
  assert.deepEqual(order(100, true), ['look 1', 'safe 3'])
  add('look', 1)
  assert.deepEqual(order(100, true), ['look 1'])
  assert.deepEqual(order(), ['write 2', 'read 2'])
})

test('reads that are not welcome wait, and nothing else does for that', () => {
  const { queue, add } = queueOf(['read', 1], ['look', 2])
  const next = () => queue.next(false, () => false)?.kind
  assert.deepEqual([next(), next()], ['look', undefined])
  add('look', 2)
  assert.deepEqual([next(), next()], ['look', undefined])
})

test('a flood to one unit fills nobody else’s room', () => {
  const { queue, add } = queueOf()
  for (let count = 0; count < 1024; count += 1) add('safe', 1)
  assert.equal(queue.add(exchange('safe', 1, 'the same'), 'safe'), false)
  add('safe', 2)
  assert.equal(queue.next(false, welcome)?.unit, 1)
  assert.equal(queue.next(false, welcome)?.unit, 2)
  assert.equal(queue.empty().length, 1023)
  assert.equal(queue.next(false, welcome), undefined)
})

test('what waits of a unit finds new places when its standing changes, and what waits of others stays', () => {
  const { queue, order } = queueOf(['safe', 1], ['look', 1], ['read', 1], ['safe', 2], ['read', 2])
  queue.rearrange(1, () => 'read')
  assert.deepEqual(order(), ['safe 2', 'safe 1', 'read 2', 'look 1', 'read 1'])
})
