import type { WriteResult } from '../../../drivers/driver.ts'
import type { ModbusDriver } from '../../../drivers/modbus/driver.ts'
import { driveToSafe } from '../../../failsafe/drive.ts'
import type { Millis, MonotonicMs } from '../../../model/time.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { Connected, type PointText } from './connected.ts'
import { type Takes, TimedLine } from './timed-line.ts'

export const COMMAND = 3
export const FEEDBACK = 9
export const OTHER = 4
export const FED = 20
const POINTS: Readonly<Record<string, PointText>> = {
  valve: { holding_register: COMMAND },
  seen: { holding_register: FEEDBACK },
  /** Three bits of a register that can only be changed by reading and writing all of it. */
  field: { holding_register: COMMAND, mask: 0x0070, write_function: 6 },
  pulsed: { holding_register: COMMAND, pulse: '200ms' },
  /** Others of the same unit, which others may move. */
  otherValve: { holding_register: OTHER },
  otherField: { holding_register: COMMAND, mask: 0x0700, write_function: 6 },
  fed: { holding_register: FED },
}
export const CLOSED = 0
export const OPEN = 100
/** How long a unit takes to answer that is well. */
export const EXCHANGE: Millis = 20
export const QUICK: Millis = 500
/** What the units that are dead may take. */
export const LONGEST: Millis = 5000
export const DEAD = [2, 3, 4, 5, 6]
/** So many that the connection is not given up for those that are dead. */
const UNITS = 100
export const MINUTE: Millis = 60_000

/** A line that many are asked over, in virtual time. */
export interface Rig extends AsyncDisposable {
  readonly line: TimedLine
  readonly clock: VirtualClock
  driver(unit: number, timeout: Millis, turnWithin?: Millis): ModbusDriver
  /** Asks a unit for a register again and again, as whoever watches readings does. */
  poll(unit: number, timeout: Millis, from?: Millis): { readonly answered: MonotonicMs[] }
  /** Feeds a watchdog of a unit again and again. */
  feed(unit: number, timeout: Millis): { readonly answered: MonotonicMs[] }
  /** Writes the safe value of a point three times as often as the line can carry it; `results` is what came of each write. */
  flood(unit: number, point: string, timeout: Millis): { readonly results: Promise<WriteResult>[] }
  /** Drives the valve of a unit to safe. Feedback follows the command by itself after `travel`; undefined is never. */
  trip(unit: number, timeout: Millis, options?: { point?: string; travelTime?: Millis }): Trip
  /** Lets time pass in steps, at whose ends what follows from an answer happens. */
  pass(ms: Millis, until?: () => boolean, step?: Millis): Promise<void>
}

export interface Trip {
  /** When it was seen safe, from the trip on. */
  verified: Millis | undefined
}

export async function sharedLine(takes: Takes, kind: 'rtu' | 'tcp' = 'rtu'): Promise<Rig> {
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
      ['otherValve', CLOSED],
      ['otherField', CLOSED],
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
    feed: (unit, timeout) => {
      const answered: MonotonicMs[] = []
      const asked = driver(unit, timeout)
      void (async () => {
        for (let count = 0; !stop.signal.aborted; count += 1) {
          const written = await asked.write('fed', count & 1, timeout, stop.signal)
          if (written.kind === 'accepted') answered.push(clock.monotonic())
          await clock.sleep(170, stop.signal)
        }
      })()
      return { answered }
    },
    flood: (unit, point, timeout) => {
      const results: Promise<WriteResult>[] = []
      const flooded = driver(unit, timeout)
      void (async () => {
        while (!stop.signal.aborted) {
          for (let count = 0; count < 3; count += 1) results.push(flooded.write(point, CLOSED, timeout))
          await clock.sleep(EXCHANGE, stop.signal)
        }
      })()
      return { results }
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

/** The longest time without an answer, until `end`. */
export function gapOf(answered: readonly MonotonicMs[], end: MonotonicMs): Millis {
  return Math.max(...[...answered, end].map((at, index) => at - (answered[index - 1] ?? 0)))
}
