import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WriteResult } from '../../drivers/driver.ts'
import { driveToSafe } from '../../failsafe/drive.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { FakeDriver } from '../drivers/fake-driver.ts'

const TRAVEL = 15_000
const TIMEOUT = 1000

/**
 * A valve (safe: 0) that is open and takes 14 s of its 15 s. `answer` says what becomes of each write: one that is accepted
 * arrives, and of an `unknown` one it is to say whether it does.
 */
function rig(
  answer: (at: number, tries: number) => WriteResult | 'lost' | 'arrives unseen' | 'busy',
  staysCommanded = true,
) {
  const clock = new VirtualClock()
  const driver = new FakeDriver({ command: 100, feedback: 100 })
  const stop = new AbortController()
  const events: string[] = []
  const tries: number[] = []
  let isTravelling = false
  const travel = async () => {
    if (isTravelling) return
    isTravelling = true
    for (let left = 99; left >= 0; left -= 1) {
      await clock.sleep(140)
      driver.values.set('feedback', left)
    }
  }
  driver.write = async (_point, _value, timeout) => {
    const at = clock.monotonic()
    tries.push(at)
    const result = answer(at, tries.length)
    if (result === 'busy') {
      await clock.sleep(timeout)
      return { kind: 'unreachable', reason: 'other requests kept the device busy until the deadline' }
    }
    if (result === 'lost' || result === 'arrives unseen') {
      if (result === 'arrives unseen') void travel()
      await clock.sleep(timeout)
      return { kind: 'unknown', reason: 'the device did not answer in time' }
    }
    if (result.kind === 'accepted') void travel()
    return result
  }
  const drive = driveToSafe(
    {
      id: 'valve',
      driver,
      commandPoint: 'command',
      feedbackPoint: 'feedback',
      staysCommanded,
      safe: { setpoint: 'closed', write: 0, feedback: 0 },
      tolerance: 2,
      travelTime: TRAVEL,
      deviceTimeout: TIMEOUT,
      turnWithin: 0,
    },
    clock,
    stop.signal,
    report =>
      events.push(`${report.type} at ${clock.monotonic()}${'detail' in report ? `: ${report.detail}` : ''}`),
  )
  return { clock, driver, drive, events, tries, stop }
}

const ACCEPTED: WriteResult = { kind: 'accepted' }
const UNREACHABLE: WriteResult = { kind: 'unreachable', reason: 'no cable' }
const REJECTED: WriteResult = { kind: 'rejected', reason: 'busy' }

test('a write whose answer was lost is written again at once, and not after the travel time', async () => {
  const { clock, events, tries } = rig((_, count) => (count === 1 ? 'lost' : ACCEPTED))
  await clock.advance(60_000)
  assert.deepEqual(tries, [0, TIMEOUT])
  assert.equal(events.length, 1)
  assert.match(events[0] ?? '', /^safe-verified at 1[45]/)
})

test('a device that is silent for a while gets the write as soon as it listens again, whatever the travel time', async () => {
  const { clock, tries } = rig(at => (at < 1600 ? 'lost' : ACCEPTED))
  await clock.advance(5000)
  const last = tries.at(-1) ?? 0
  assert.ok(last >= 1600 && last <= 2000, String(tries))
})

test('a write that the device has confirmed is not repeated while the actuator may still be on its way', async () => {
  const { clock, events, tries } = rig(() => ACCEPTED)
  await clock.advance(60_000)
  assert.deepEqual(tries, [0])
  assert.match(events.join(), /^safe-verified at 1[34]/)
})

for (const [what, answer, detail] of [
  ['cannot be reached', UNREACHABLE, 'the device did not get the write: no cable'],
  ['refuses the write', REJECTED, 'the device rejected the write: busy'],
  ['answers nothing', 'lost', 'the device did not confirm the write: the device did not answer in time'],
] as const) {
  test(`a device that ${what} is overdue once the travel time has passed since the drive began, and not before`, async () => {
    const { clock, events, tries, stop } = rig(() => answer)
    await clock.advance(TRAVEL - 1)
    assert.deepEqual(events, [])
    assert.ok(tries.length > 5, 'it was tried all the time')
    await clock.advance(2 * TIMEOUT + 1)
    const [overdue = ''] = events
    assert.match(overdue, /^safe-overdue at 1[567]/)
    assert.ok(overdue.endsWith(detail), overdue)
    const before = tries.length
    await clock.advance(10_000)
    assert.ok(tries.length >= before + 5, 'and it is tried on')
    stop.abort()
  })
}

test('an actuator that could be told only late is overdue all the same, and has its whole travel time from then on', async () => {
  const { clock, events, tries } = rig(at => (at < TRAVEL - 1000 ? UNREACHABLE : ACCEPTED))
  await clock.advance(60_000)
  assert.deepEqual(
    events.map(event => event.replace(/ shows \d+$/, '')),
    [`safe-overdue at ${TRAVEL + TIMEOUT}: feedback`, events.at(-1)],
  )
  assert.match(events.at(-1) ?? '', /^safe-verified at 2/)
  assert.ok((tries.at(-1) ?? 0) < TRAVEL, 'what was confirmed is not written again')
})

test('an actuator that takes a confirmation and does not move is overdue a timeout after its travel time at the latest', async () => {
  for (const late of [0, 1, 400, TRAVEL - 1]) {
    const { clock, driver, events, stop } = rig(at => (at < late ? UNREACHABLE : ACCEPTED))
    driver.values.set('feedback', 100)
    driver.read = async () => ({ kind: 'value', value: 100, age: 0 })
    await clock.advance(TRAVEL - 1)
    assert.deepEqual(events, [])
    await clock.advance(TIMEOUT + 1)
    assert.match(events[0] ?? '', /^safe-overdue at 1[56]\d{3}: feedback shows 100$/, `told at ${late}`)
    stop.abort()
  }
})

test('a pulse of which the answer was lost, and that moves an actuator too slowly, is overdue no later', async () => {
  const { clock, events, stop } = rig(at => (at < TRAVEL - 1500 ? UNREACHABLE : 'arrives unseen'), false)
  await clock.advance(TRAVEL + TIMEOUT)
  assert.equal(events.length, 1)
  assert.match(events[0] ?? '', /^safe-overdue at 1[56]/)
  stop.abort()
})

test('a driver that never answers is overdue too', async () => {
  const { clock, driver, events, stop } = rig(() => ACCEPTED)
  driver.read = () => new Promise(() => {})
  await clock.advance(TRAVEL + TIMEOUT)
  assert.deepEqual(events, [`safe-overdue at ${TRAVEL + TIMEOUT}: the device has not answered yet`])
  stop.abort()
})

test('an actuator that was seen safe in time is not overdue afterwards', async () => {
  const { clock, events } = rig(() => ACCEPTED)
  await clock.advance(10 * TRAVEL)
  assert.equal(events.length, 1)
})

test('what could not be sent is tried twice a second at least, so that it goes out soon after the line is back', async () => {
  const { clock, tries } = rig(at => (at < 10_200 ? UNREACHABLE : ACCEPTED))
  await clock.advance(12_000)
  assert.ok((tries.at(-1) ?? 0) <= 10_700, String(tries))
})

test('a write that waited for its turn until its deadline gets in line again at once', async () => {
  const { clock, tries } = rig((_, count) => (count < 6 ? 'busy' : ACCEPTED))
  await clock.advance(20_000)
  assert.deepEqual(tries, [0, 1000, 2000, 3000, 4000, 5000])
})

test('a lost confirmation is not made good by feedback that shows safe: the device has to confirm', async () => {
  const { clock, driver, events, tries, stop } = rig(() => 'lost')
  driver.values.set('feedback', 0)
  await clock.advance(TRAVEL + 5000)
  assert.ok(tries.length > 5)
  assert.ok(events.every(event => event.startsWith('safe-overdue')))
  stop.abort()
})

test('a pulse of which the answer was lost is not repeated into the motion that it began, and is afterwards, for its confirmation', async () => {
  const { clock, events, tries } = rig((_, count) => (count === 1 ? 'arrives unseen' : ACCEPTED), false)
  await clock.advance(60_000)
  assert.equal(tries.length, 2)
  assert.ok((tries[1] ?? 0) > 13_000, String(tries))
  assert.match(events.at(-1) ?? '', /^safe-verified/)
})

test('a pulse that has not arrived is given again as soon as the actuator is seen to stand', async () => {
  const { clock, tries } = rig((_, count) => (count === 1 ? 'lost' : ACCEPTED), false)
  await clock.advance(5000)
  assert.deepEqual(tries, [0, TIMEOUT + TRAVEL / 20])
})

test('a pulse is given again while the actuator moves the other way', async () => {
  const { clock, driver, tries } = rig((_, count) => (count === 1 ? 'lost' : ACCEPTED), false)
  driver.values.set('feedback', 50)
  await clock.advance(TIMEOUT + 1)
  driver.values.set('feedback', 60)
  await clock.advance(5000)
  assert.equal(tries.length, 2)
  assert.ok((tries[1] ?? 0) < 2000, String(tries))
})

test('a pulse is given again where nothing shows whether the actuator moves', async () => {
  const { clock, driver, tries } = rig((_, count) => (count === 1 ? 'lost' : ACCEPTED), false)
  driver.nextRead = { kind: 'failed', reason: 'no answer' }
  await clock.advance(5000)
  assert.deepEqual(tries.slice(0, 2), [0, TIMEOUT])
})
