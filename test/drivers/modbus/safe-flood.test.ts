import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COMMAND, EXCHANGE, gapOf, LONGEST, OTHER, QUICK, type Rig, sharedLine } from './shared-line.ts'
import type { Takes } from './timed-line.ts'

/** Somebody who may do no more than close one valve does it as often as he can. */

const PATIENT = 1000
const LONG = 20_000
const all: Takes = () => EXCHANGE
/** One unit is dead, and holds the line for all its timeout whenever it is asked. */
const DEAD = 9
const oneDead: Takes = ({ unit }) => (unit === DEAD ? undefined : EXCHANGE)

/** When a register was first written from a moment on, as time from it. */
function firstWrite(line: Rig, unit: number, address: number, from: number): number | undefined {
  const at = line.line.requests.find(
    request => request.unit === unit && request.isWrite && request.address === address && request.at >= from,
  )?.at
  return at === undefined ? undefined : at - from
}

describe('while one unit is flooded with writes towards safe', () => {
  for (const kind of ['rtu', 'tcp'] as const) {
    for (const point of ['valve', 'field']) {
      it(`readings and watchdog feeds of this unit and of others have every second turn (${kind}, ${point})`, async () => {
        await using line = await sharedLine(all, kind)
        line.flood(1, point, PATIENT)
        const others = [
          line.poll(1, PATIENT),
          line.poll(2, PATIENT),
          line.feed(1, PATIENT),
          line.feed(3, PATIENT),
        ]
        await line.pass(LONG, () => false, EXCHANGE / 2)
        // Four others, each of whom is asked 170 ms after he was answered, between changes of a field of three exchanges each.
        for (const { answered } of others)
          assert.ok(gapOf(answered, LONG) <= 170 + 4 * 4 * EXCHANGE + EXCHANGE, `${answered}`)
      })
    }

    it(`a valve of another unit that trips is written and seen safe within the flood's own request and its two (${kind})`, async () => {
      await using line = await sharedLine(all, kind)
      line.flood(1, 'valve', PATIENT)
      await line.pass(3000)
      const trip = line.trip(2, PATIENT, { travelTime: 3000 })
      await line.pass(5 * EXCHANGE, () => trip.verified !== undefined)
      assert.notEqual(trip.verified, undefined)
    })

    it(`another valve of the same unit that trips is written within one request of the flood (${kind})`, async () => {
      for (let at = 0; at < 10; at += 1) {
        await using line = await sharedLine(all, kind)
        line.flood(1, 'valve', PATIENT)
        line.poll(2, PATIENT)
        await line.pass(3000 + 7 * at)
        const began = line.clock.monotonic()
        const trip = line.trip(1, PATIENT, { point: 'otherValve' })
        await line.pass(10 * EXCHANGE, () => trip.verified !== undefined)
        const written = firstWrite(line, 1, OTHER, began)
        assert.ok(written !== undefined && written <= 2 * EXCHANGE, `${written}`)
        assert.notEqual(trip.verified, undefined)
      }
    })
  }

  it('another field of the same register that trips is written within one change of the flood', async () => {
    for (let at = 0; at < 10; at += 1) {
      await using line = await sharedLine(all)
      line.line.set(1, COMMAND, 0x0770)
      line.flood(1, 'field', PATIENT)
      await line.pass(3000 + 7 * at)
      line.trip(1, PATIENT, { point: 'otherField' })
      const isClosed = () => (line.line.holds(1, COMMAND) & 0x0700) === 0
      await line.pass((3 + 3 + 1) * EXCHANGE, isClosed)
      assert.ok(isClosed(), String(at))
    }
  })

  it('the flooded valve itself trips, and is seen safe', async () => {
    for (const point of ['valve', 'field']) {
      await using line = await sharedLine(all)
      line.flood(1, point, PATIENT)
      await line.pass(3000)
      const trip = line.trip(1, PATIENT, { point })
      await line.pass(12 * EXCHANGE, () => trip.verified !== undefined)
      assert.notEqual(trip.verified, undefined, point)
    }
  })

  it('a dead unit that is polled costs a valve of the same unit one of its timeouts, and not two', async () => {
    for (let at = 0; at < LONGEST; at += 610) {
      await using line = await sharedLine(oneDead)
      line.flood(1, 'valve', PATIENT)
      line.poll(DEAD, LONGEST)
      await line.pass(LONGEST + at, () => false, EXCHANGE / 2)
      const began = line.clock.monotonic()
      line.trip(1, QUICK, { point: 'otherValve' })
      await line.pass(2 * LONGEST, () => firstWrite(line, 1, OTHER, began) !== undefined, EXCHANGE / 2)
      const written = firstWrite(line, 1, OTHER, began)
      assert.ok(written !== undefined && written <= LONGEST + 2 * EXCHANGE, `${at}: ${written}`)
    }
  })

  it('a unit that answers no reads is written to all the same when it trips', async () => {
    await using line = await sharedLine(({ unit, isWrite }) =>
      unit === 2 && !isWrite ? undefined : EXCHANGE,
    )
    line.poll(2, QUICK)
    await line.pass(1000)
    line.flood(1, 'valve', PATIENT)
    await line.pass(5000)
    const began = line.clock.monotonic()
    line.trip(2, QUICK)
    await line.pass(QUICK + 3 * EXCHANGE, () => firstWrite(line, 2, COMMAND, began) !== undefined)
    assert.notEqual(firstWrite(line, 2, COMMAND, began), undefined)
  })

  it('each of its writes is told the truth within its time, and is far from costing the line a request', async () => {
    await using line = await sharedLine(all)
    const { results } = line.flood(1, 'valve', PATIENT)
    line.poll(2, PATIENT)
    await line.pass(LONG, () => false, EXCHANGE / 2)
    const ended = results.slice(0, -6)
    for (const result of ended) assert.deepEqual(await result, { kind: 'accepted' })
    assert.ok(ended.length > 2500)
    const sent = line.line.requests.filter(({ unit }) => unit === 1).length
    assert.ok(sent <= LONG / EXCHANGE, String(sent))
  })

  it('of ten thousand at once, none keeps another valve of the unit from having room to wait', async () => {
    await using line = await sharedLine(all)
    const driver = line.driver(1, PATIENT)
    const flood = Array.from({ length: 10_000 }, () => driver.write('valve', 0, PATIENT))
    const trip = driver.write('otherValve', 0, PATIENT)
    await line.pass(4 * EXCHANGE)
    assert.deepEqual(await trip, { kind: 'accepted' })
    for (const result of await Promise.all(flood)) assert.deepEqual(result, { kind: 'accepted' })
  })
})
