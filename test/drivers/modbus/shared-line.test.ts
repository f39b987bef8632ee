import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AGAIN_WITHIN } from '../../../drivers/driver.ts'
import {
  CLOSED,
  COMMAND,
  DEAD,
  EXCHANGE,
  FEEDBACK,
  gapOf,
  LONGEST,
  MINUTE,
  OPEN,
  QUICK,
  type Rig,
  sharedLine,
} from './shared-line.ts'
import type { Takes, TimedRequest } from './timed-line.ts'

/** The units that are dead answer nothing, the others all. */
const someDead: Takes = ({ unit }) => (DEAD.includes(unit) ? undefined : EXCHANGE)

function pollTheDead(of: Rig): void {
  for (const [index, unit] of DEAD.entries()) of.poll(unit, LONGEST, 1000 * index)
}

describe('on a line with five dead units, a unit that is well', () => {
  for (const kind of ['rtu', 'tcp'] as const) {
    for (const point of ['valve', 'field']) {
      it(`is made safe and seen safe within the longest timeout of another and its own exchanges (${kind}, ${point}), whenever it trips`, async () => {
        for (let at = 0; at < LONGEST + 1000; at += 730) {
          await using line = await sharedLine(someDead, kind)
          pollTheDead(line)
          await line.pass(LONGEST + at, () => false, EXCHANGE / 2)
          const trip = line.trip(1, QUICK, { point })
          const bound = LONGEST + 5 * EXCHANGE
          await line.pass(bound, () => trip.verified !== undefined)
          assert.notEqual(trip.verified, undefined, `tripped at ${LONGEST + at}, not verified after ${bound}`)
        }
      })
    }
  }

  it('that has little patience is made safe and seen safe within half a second more', async () => {
    for (const quick of [60, 120, 300]) {
      for (let at = 0; at < LONGEST; at += 930) {
        await using line = await sharedLine(someDead)
        pollTheDead(line)
        await line.pass(LONGEST + at, () => false, EXCHANGE / 2)
        const trip = line.trip(1, quick)
        await line.pass(LONGEST + AGAIN_WITHIN + 5 * EXCHANGE, () => trip.verified !== undefined)
        assert.notEqual(trip.verified, undefined, `${quick} ms, tripped at ${LONGEST + at}`)
      }
    }
  })

  it('that travels is seen safe within the longest timeout of another after it has got there', async () => {
    const travel = 800
    for (let at = 0; at < LONGEST + 1000; at += 930) {
      await using line = await sharedLine(someDead)
      line.line.set(1, FEEDBACK, OPEN)
      pollTheDead(line)
      await line.pass(LONGEST + at, () => false, EXCHANGE / 2)
      const trip = line.trip(1, QUICK)
      const isWritten = () => line.line.requests.some(({ unit, isWrite }) => unit === 1 && isWrite)
      await line.pass(LONGEST + EXCHANGE, isWritten)
      assert.ok(isWritten())
      await line.pass(travel)
      line.line.set(1, FEEDBACK, 0)
      await line.pass(LONGEST + 3 * EXCHANGE, () => trip.verified !== undefined)
      assert.notEqual(trip.verified, undefined, `tripped at ${LONGEST + at}`)
    }
  })

  it('has its pulse ended, as soon as a dead unit that holds the line lets go of it', async () => {
    await using line = await sharedLine(someDead)
    const driver = line.driver(1, QUICK, LONGEST)
    const writing = driver.write('pulsed', OPEN, QUICK)
    await line.pass(2 * EXCHANGE, () => line.line.holds(1, COMMAND) === OPEN)
    pollTheDead(line)
    await line.pass(LONGEST, () => line.line.requests.some(({ unit }) => unit !== 1))
    await line.pass(LONGEST + 2 * EXCHANGE)
    assert.equal(line.line.holds(1, COMMAND), CLOSED)
    assert.deepEqual(await writing, { kind: 'accepted' })
  })

  it('is read again and again, as each of the others has its turn', async () => {
    await using line = await sharedLine(someDead)
    pollTheDead(line)
    const well = line.poll(1, QUICK)
    await line.pass(3 * MINUTE, () => false, EXCHANGE)
    assert.ok(gapOf(well.answered, 3 * MINUTE) <= 60_000, String(well.answered))
  })

  it('is made safe before those that are known to be dead, when all trip at once', async () => {
    await using line = await sharedLine(someDead)
    pollTheDead(line)
    await line.pass(2 * LONGEST * DEAD.length, () => false, EXCHANGE)
    for (const unit of DEAD) line.trip(unit, LONGEST)
    const trip = line.trip(1, QUICK)
    await line.pass(LONGEST + 5 * EXCHANGE, () => trip.verified !== undefined)
    assert.notEqual(trip.verified, undefined)
  })
})

/** Who trips while others are only looked at, and what is wrong with those that trip. */
const TROUBLED: Readonly<Record<string, Takes>> = {
  'whose feedback is dead': ({ unit, isWrite }: TimedRequest) =>
    DEAD.includes(unit) && !isWrite ? undefined : EXCHANGE,
  'that are dead': someDead,
  'that answer, and are stuck': () => EXCHANGE,
  'that answer slowly, and are stuck': ({ unit }) => (DEAD.includes(unit) ? 1000 : EXCHANGE),
}

describe('whoever is only looked at on a line', () => {
  for (const kind of ['rtu', 'tcp'] as const) {
    for (const [who, takes] of Object.entries(TROUBLED)) {
      it(`is not kept from its turn for ever by tripped actuators ${who} (${kind})`, async () => {
        await using line = await sharedLine(takes, kind)
        for (const unit of DEAD) {
          line.line.set(unit, FEEDBACK, OPEN)
          line.trip(unit, LONGEST)
        }
        const well = line.poll(1, QUICK)
        await line.pass(3 * MINUTE, () => false, EXCHANGE)
        assert.ok(gapOf(well.answered, 3 * MINUTE) <= 60_000, String(well.answered))
      })
    }
  }
})
