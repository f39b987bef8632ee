import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from '../../drivers/backoff.ts'
import type { Clock } from '../../model/time.ts'

/** A clock on which nobody waits, and what they wanted to wait. */
function impatient(): { readonly clock: Clock; readonly waits: number[] } {
  const waits: number[] = []
  const clock = {
    wall: () => 0,
    monotonic: () => 0,
    sleep: async (ms: number) => void waits.push(ms),
  }
  return { clock, waits }
}

const LIMITS = { first: 50, max: 300 }
const never = new AbortController().signal

for (const [chance, expected] of [
  [0, [25, 50, 100, 150, 150]],
  [0.5, [37.5, 75, 150, 225, 225]],
  [1, [50, 100, 200, 300, 300]],
] as const) {
  test(`waits get longer up to a limit, and chance takes half of each at most (${chance})`, async () => {
    const { clock, waits } = impatient()
    const backoff = new Backoff(LIMITS, clock, () => chance)
    for (const _ of expected) await backoff.wait(never)
    assert.deepEqual(waits, expected)
  })
}

test('after an attempt that went well the waits begin anew', async () => {
  const { clock, waits } = impatient()
  const backoff = new Backoff(LIMITS, clock, () => 1)
  await backoff.wait(never)
  await backoff.wait(never)
  backoff.reset()
  await backoff.wait(never)
  assert.deepEqual(waits, [50, 100, 50])
})

test('a wait ends when its signal aborts', async () => {
  const stop = new AbortController()
  const asked: (AbortSignal | undefined)[] = []
  const clock = {
    ...impatient().clock,
    sleep: async (_: number, signal?: AbortSignal) => void asked.push(signal),
  }
  await new Backoff(LIMITS, clock, () => 0).wait(stop.signal)
  assert.deepEqual(asked, [stop.signal])
})
