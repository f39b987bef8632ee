import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HOLDOVER_MAX, KeptClock, STEP } from '../../../agent/time/kept-clock.ts'
import { SteppableClock } from './steppable-clock.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR

test('while the system clock moves as time does, ours is the same', async () => {
  const system = new SteppableClock(NOW)
  const clock = new KeptClock(system, NOW - HOUR)
  for (let minute = 0; minute < 60; minute += 1) {
    await system.advance(60_000)
    // Slewed by 500 ppm, the most that the kernel does (adjtimex(2)).
    system.step(30)
    assert.equal(clock.wall(), system.wall())
  }
  assert.deepEqual(clock.state, { kind: 'agreed' })
  assert.equal(clock.trouble, undefined)
})

for (const by of [10 * YEAR, -10 * YEAR, HOUR, -HOUR, STEP + 1, -STEP - 1]) {
  test(`a clock that is set by ${by} ms does not move ours; after a day unconfirmed nobody trusts it`, async () => {
    const system = new SteppableClock(NOW)
    const clock = new KeptClock(system, undefined)
    system.step(by)
    await system.advance(HOUR)
    assert.equal(clock.wall(), NOW + HOUR)
    assert.equal(clock.state.kind === 'holdover' && clock.state.disagreement, by)
    assert.equal(clock.trouble, undefined)
    await system.advance(HOLDOVER_MAX)
    assert.match(
      clock.trouble ?? '',
      /the system clock was set .* (ahead|back) and nobody has confirmed that for/,
    )
    system.step(-by)
    assert.deepEqual(clock.state, { kind: 'agreed' }, 'set right again')
  })
}

test('a synchronised system is believed a step of less than a day, and never ten years', () => {
  for (const [by, kind] of [
    [HOUR, 'agreed'],
    [-23 * HOUR, 'agreed'],
    [10 * YEAR, 'holdover'],
    [-10 * YEAR, 'holdover'],
  ] as const) {
    const system = new SteppableClock(NOW)
    const clock = new KeptClock(system, undefined)
    system.step(by)
    clock.systemSynchronised()
    assert.equal(clock.state.kind, kind)
    assert.equal(clock.wall(), kind === 'agreed' ? NOW + by : NOW)
  }
})

test('a clock that says a time that has been is not believed, and a later one is', async () => {
  for (const start of [0, NOW - YEAR, NOW - STEP - 1]) {
    const system = new SteppableClock(start)
    const clock = new KeptClock(system, NOW)
    assert.equal(clock.wall(), NOW)
    assert.match(clock.trouble ?? '', /and it has been 2026-06-01T12:00:00.000Z already/)
    await system.advance(HOUR)
    assert.equal(clock.wall(), NOW + HOUR, 'it counts on from there')
    clock.systemSynchronised()
    assert.equal(clock.state.kind, 'behind', 'a synchronised time that cannot be is none')
    system.step(2 * YEAR + NOW - start)
    assert.equal(clock.wall(), system.wall())
    assert.equal(clock.trouble, undefined)
  }
})

test('a clock that was never set is noticed without anything kept', () => {
  const clock = new KeptClock(new SteppableClock(0), undefined)
  assert.equal(clock.state.kind, 'behind')
})

test('an accepted time is ours from then on, and ours before is told', () => {
  const system = new SteppableClock(NOW)
  const clock = new KeptClock(system, NOW + 10 * YEAR)
  assert.equal(clock.accept(), NOW + 10 * YEAR)
  assert.equal(clock.wall(), NOW)
  assert.equal(clock.trouble, undefined)
})

test('whatever is done to the system clock, ours goes no faster and no slower than time, but for the slack that slewing needs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          pass: fc.integer({ min: 0, max: 120_000 }),
          step: fc.oneof(fc.integer({ min: -20_000, max: 20_000 }), fc.integer({ min: -YEAR, max: YEAR })),
        }),
        { maxLength: 40 },
      ),
      async moves => {
        const system = new SteppableClock(NOW)
        const clock = new KeptClock(system, undefined)
        for (const { pass, step } of moves) {
          await system.advance(pass)
          system.step(step)
          const passed = system.monotonic()
          const slack = STEP * (1 + Math.ceil(passed / 60_000))
          assert.ok(Math.abs(clock.wall() - NOW - passed) <= slack)
        }
      },
    ),
  )
})
