import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { Deadlines } from '../../../drivers/modbus/deadlines.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'

/** Deadlines on a clock that counts its timers, and a list of who was given up, when and why. */
function deadlines() {
  const clock = new VirtualClock()
  let timers = 0
  const counting = {
    wall: () => clock.wall(),
    monotonic: () => clock.monotonic(),
    sleep: async (ms: number, signal?: AbortSignal) => {
      timers += 1
      await clock.sleep(ms, signal)
      timers -= 1
    },
  }
  const all = new Deadlines(counting)
  const ends: string[] = []
  const watch = (name: string, timeout: number, stop?: AbortSignal) =>
    all.watch(all.from(timeout, stop), why => ends.push(`${name} ${why} at ${clock.monotonic()}`))
  return { all, clock, ends, watch, timers: () => timers }
}

test('each is given up at its own deadline, in whatever order they came, with one timer for all', async () => {
  const { clock, ends, watch, timers } = deadlines()
  watch('slow', 1000)
  watch('quick', 50)
  watch('middling', 300)
  await clock.advance(20)
  assert.equal(timers(), 1)
  watch('latest', 5)
  await clock.advance(2000)
  assert.deepEqual(ends, [
    'latest late at 25',
    'quick late at 50',
    'middling late at 300',
    'slow late at 1000',
  ])
  assert.equal(timers(), 0)
})

test('who has ended is not given up, and those who come after are given up in time', async () => {
  const { clock, ends, watch } = deadlines()
  const answered = watch('answered', 100)
  await clock.advance(60)
  answered.end()
  watch('next', 100)
  await clock.advance(99)
  assert.deepEqual(ends, [])
  await clock.advance(1)
  assert.deepEqual(ends, ['next late at 160'])
  watch('last', 10)
  await clock.advance(10)
  assert.deepEqual(ends, ['next late at 160', 'last late at 170'])
})

test('who is stopped is given up at once and only once, and is not called late', async () => {
  const { clock, ends, watch } = deadlines()
  const stop = new AbortController()
  watch('stopped', 100, stop.signal)
  watch('other', 100)
  const done = watch('done', 100, stop.signal)
  done.end()
  await clock.advance(10)
  stop.abort()
  await clock.advance(200)
  assert.deepEqual(ends, ['stopped unwanted at 10', 'other late at 100'])
})

test('a wait that is begun when another is given up has its deadline too', async () => {
  const { all, clock, ends, watch } = deadlines()
  all.watch(all.from(10), () => watch('second', 10))
  await clock.advance(30)
  assert.deepEqual(ends, ['second late at 20'])
})

test('patience is over when its time has passed, or when it was stopped', async () => {
  const { all, clock } = deadlines()
  const stopped = new AbortController()
  const [timed, other] = [all.from(10), all.from(1000, stopped.signal)]
  assert.deepEqual([all.isOver(timed), all.isOver(other)], [false, false])
  await clock.advance(10)
  stopped.abort()
  assert.deepEqual([all.isOver(timed), all.isOver(other)], [true, true])
})

test('no timer is left when the link is gone', async () => {
  const { all, clock, watch, timers } = deadlines()
  watch('left', 1000).end()
  all[Symbol.dispose]()
  await clock.advance(0)
  assert.equal(timers(), 0)
})

test('a signal that many wait with has one listener, and none when nobody waits', async () => {
  const { ends, watch } = deadlines()
  const stop = new AbortController()
  const waits = ['a', 'b', 'c'].map(name => watch(name, 100, stop.signal))
  assert.equal(getEventListeners(stop.signal, 'abort').length, 1)
  waits[0]?.end()
  waits[0]?.end()
  waits[1]?.end()
  assert.equal(getEventListeners(stop.signal, 'abort').length, 1)
  waits[2]?.end()
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
  stop.abort()
  assert.deepEqual(ends, [])
})
