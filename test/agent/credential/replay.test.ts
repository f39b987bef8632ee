import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReplayMemory, SKEW_MAX } from '../../../agent/credential/replay.ts'

const START = Date.UTC(2026, 0, 1)
const SECOND = START / 1000

test('a nonce is seen once, whatever is recalled of an earlier run', () => {
  const memory = new ReplayMemory(START)
  memory.recall('serial', 'before', SECOND + 5)
  assert.equal(memory.remember('serial', 'before', SECOND + 5, START), 'seen')
  assert.equal(memory.remember('serial', 'new', SECOND + 5, START), 'new')
  assert.equal(memory.remember('serial', 'new', SECOND + 5, START), 'seen')
  assert.equal(memory.remember('other', 'new', SECOND + 5, START), 'new')
})

test('what was signed before the memory began is unsure the first time and seen the second', () => {
  const memory = new ReplayMemory(START)
  assert.equal(memory.remember('serial', 'n', SECOND - 1, START), 'unsure')
  assert.equal(memory.remember('serial', 'n', SECOND - 1, START), 'seen')
})

test('a clock that steps back makes nothing new again that was forgotten', () => {
  const memory = new ReplayMemory(START - SKEW_MAX * 10)
  assert.equal(memory.remember('serial', 'n', SECOND, START), 'new')
  memory.remember('serial', 'later', SECOND + 3600, START + 3_600_000)
  assert.equal(memory.remember('serial', 'n', SECOND, START), 'unsure')
})

test('nothing is forgotten while its signature could still be accepted, and everything soon after', () => {
  const moment = fc.record({
    age: fc.integer({ min: -300, max: 300 }),
    pause: fc.integer({ min: 0, max: 20_000 }),
  })
  fc.assert(
    fc.property(fc.array(moment, { maxLength: 60 }), moments => {
      const memory = new ReplayMemory(START - SKEW_MAX * 4)
      const sent: { nonce: string; created: number }[] = []
      let now = START
      for (const [index, { age, pause }] of moments.entries()) {
        now += pause
        const created = Math.floor(now / 1000) - age
        if (Math.abs(now - created * 1000) > SKEW_MAX) continue
        memory.remember('serial', `n${index}`, created, now)
        sent.push({ nonce: `n${index}`, created })
        for (const { nonce, created: made } of sent) {
          if (Math.abs(now - made * 1000) <= SKEW_MAX)
            assert.equal(memory.remember('serial', nonce, made, now), 'seen')
        }
      }
      const later = now + 2 * SKEW_MAX + 2000
      memory.remember('serial', 'last', Math.floor(later / 1000), later)
      assert.equal(memory.size, 1)
    }),
  )
})

test('after the clock was set, what was signed before is unsure; what was forgotten by a later time stays so', () => {
  const later = 1_800_000_000
  const memory = new ReplayMemory(later * 1000)
  assert.equal(memory.remember('a', 'n1', later, later * 1000), 'new')
  // The time was an hour ahead: set back, memory begins at the new time.
  const now = later - 3600
  memory.beginAt(now * 1000)
  assert.equal(memory.remember('a', 'n2', now - 1, now * 1000), 'unsure')
  assert.equal(memory.remember('a', 'n3', now, now * 1000), 'new')
  assert.equal(memory.remember('a', 'n1', later, later * 1000), 'seen', 'what it knows it still knows')
  // By now n1 is forgotten, as is everything of its second.
  memory.remember('a', 'n4', later + 301, (later + 301) * 1000)
  memory.beginAt(now * 1000)
  assert.equal(memory.remember('a', 'n1', later, later * 1000), 'unsure')
})
