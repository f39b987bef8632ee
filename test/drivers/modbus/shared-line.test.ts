import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AGAIN_WITHIN } from '../../../drivers/driver.ts'
import type { ModbusDriver } from '../../../drivers/modbus/driver.ts'
import { driveToSafe } from '../../../failsafe/drive.ts'
import type { Millis, MonotonicMs } from '../../../model/time.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { Connected, type PointText } from './connected.ts'
import { type Takes, TimedLine, type TimedRequest } from './timed-line.ts'

const COMMAND = 3
const FEEDBACK = 9
const POINTS: Readonly<Record<string, PointText>> = {
  valve: { holding_register: COMMAND },
  seen: { holding_register: FEEDBACK },
  /** Three bits of a register that can only be changed by reading and writing all of it. */
  field: { holding_register: COMMAND, mask: 0x0070, write_function: 6 },
  pulsed: { holding_register: COMMAND, pulse: '200ms' },
}
const CLOSED = 0
const OPEN = 100
/** How long a unit takes to answer that is well. */
const EXCHANGE: Millis = 20
const QUICK: Millis = 500
/** What the units that are dead may take. */
const LONGEST: Millis = 5000
const DEAD = [2, 3, 4, 5, 6]
/** So many that the connection is not given up for those that are dead. */
const UNITS = 100
const MINUTE: Millis = 60_000

interface Rig extends AsyncDisposable {
  readonly line: TimedLine
  readonly clock: VirtualClock
  driver(unit: number, timeout: Millis, turnWithin?: Millis): ModbusDriver
  /** Asks a unit for a register again and again, as whoever watches readings does. */
  poll(unit: number, timeout: Millis, from?: Millis): { readonly answered: MonotonicMs[] }
  /** Drives the valve of a unit to safe. Feedback follows the command by itself after `travel`; undefined is never. */
  trip(unit: number, timeout: Millis, options?: { point?: string; travelTime?: Millis }): Trip
  /** Lets time pass in steps, at whose ends what follows from an answer happens. */
  pass(ms: Millis, until?: () => boolean, step?: Millis): Promise<void>
}

interface Trip {
  /** When it was seen safe, from the trip on. */
  verified: Millis | undefined
}

async function rig(takes: Takes, kind: 'rtu' | 'tcp' = 'rtu'): Promise<Rig> {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock()
  const line = new TimedLine(kind, clock, takes)
  const connected = stack.use(await Connected.to(line.way, { units: UNITS, inFlight: 1 }, clock))
  const stop = new AbortController()
  stack.defer(() => stop.abort())
  const drivers = new Map<number, ModbusDriver>()
  const running = stack.move()
  const driver = (unit: number, timeout: Millis, turnWithin: Millis = 0): ModbusDriver => {
    const safe = new Map([
      ['valve', CLOSED],
      ['field', CLOSED],
    ])
    const known = drivers.get(unit) ?? connected.driver(POINTS, { unit, timeout, turnWithin, safe })
    drivers.set(unit, known)
    return known
  }
  return {
    line,
    clock,
    driver,
    poll: (unit, timeout, from = 0) => {
      const answered: MonotonicMs[] = []
      const asked = driver(unit, timeout)
      void (async () => {
        await clock.sleep(from, stop.signal)
        while (!stop.signal.aborted) {
          const reading = await asked.read('valve', timeout, stop.signal)
          if (reading.kind === 'value') answered.push(clock.monotonic())
          await clock.sleep(170, stop.signal)
        }
      })()
      return { answered }
    },
    trip: (unit, timeout, { point = 'valve', travelTime = 1000 } = {}) => {
      const trip: Trip = { verified: undefined }
      const began = clock.monotonic()
      const actuator = {
        id: 'valve',
        driver: driver(unit, timeout),
        commandPoint: point,
        feedbackPoint: 'seen',
        staysCommanded: true,
        safe: { setpoint: 'closed', write: CLOSED, feedback: 0 },
        tolerance: 0,
        travelTime,
        deviceTimeout: timeout,
        turnWithin: 0,
      }
      void driveToSafe(actuator, clock, stop.signal, report => {
        if (report.type === 'safe-verified') trip.verified ??= clock.monotonic() - began
      })
      return trip
    },
    pass: async (ms, until = () => false, step = 1) => {
      for (let left = ms; left > 0 && !until(); left -= step) await clock.advance(step)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

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
          await using line = await rig(someDead, kind)
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
        await using line = await rig(someDead)
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
      await using line = await rig(someDead)
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
    await using line = await rig(someDead)
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
    await using line = await rig(someDead)
    pollTheDead(line)
    const well = line.poll(1, QUICK)
    await line.pass(3 * MINUTE, () => false, EXCHANGE)
    assert.ok(gapOf(well.answered, 3 * MINUTE) <= 60_000, String(well.answered))
  })

  it('is made safe before those that are known to be dead, when all trip at once', async () => {
    await using line = await rig(someDead)
    pollTheDead(line)
    await line.pass(2 * LONGEST * DEAD.length, () => false, EXCHANGE)
    for (const unit of DEAD) line.trip(unit, LONGEST)
    const trip = line.trip(1, QUICK)
    await line.pass(LONGEST + 5 * EXCHANGE, () => trip.verified !== undefined)
    assert.notEqual(trip.verified, undefined)
  })
})

describe('a trip', () => {
  it('waits for a flood of writes towards safe of another unit no longer than for one of them', async () => {
    await using line = await rig(() => EXCHANGE)
    const flooded = line.driver(1, 1000)
    const flood = (async () => {
      while (line.clock.monotonic() < 20_000) {
        for (let count = 0; count < 3; count += 1) void flooded.write('valve', CLOSED, 1000)
        await line.clock.sleep(20)
      }
    })()
    await line.pass(3000)
    const trip = line.trip(2, 1000, { travelTime: 3000 })
    await line.pass(5 * EXCHANGE, () => trip.verified !== undefined)
    assert.notEqual(trip.verified, undefined)
    await line.pass(20_000)
    await flood
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
        await using line = await rig(takes, kind)
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

/** The longest time without an answer, until `end`. */
function gapOf(answered: readonly MonotonicMs[], end: MonotonicMs): Millis {
  return Math.max(...[...answered, end].map((at, index) => at - (answered[index - 1] ?? 0)))
}
