import type { MonotonicMs } from '../../model/time.ts'
import { type Binding, cellsOf, toCells, valueIn } from '../binding.ts'
import { ProcessImage, type Table } from '../image.ts'
import type { Request } from '../modbus/request.ts'
import { Interlock, type InterlockSpec } from './interlock.ts'
import {
  type Landed,
  startWatchdog,
  type Watchdog,
  type WatchdogSpec,
  type WatchdogState,
} from './watchdog.ts'

/** What the plant file says of a PLC, apart from how it is reached. */
export interface PlcSpec {
  readonly bindings: readonly Binding[]
  readonly watchdog?: WatchdogSpec | undefined
  readonly interlocks: readonly InterlockSpec[]
}

/**
 * A PLC: a process image and a program that a scan runs once. Clients write into the image at any moment; what they
 * wrote reaches the actuators with the next scan, and what the sensors say reaches them with the end of it.
 *
 * While the watchdog has expired, each scan first puts the fallback into the output cells, over whatever was written:
 * once it is rearmed, outputs stay there until somebody writes them. Interlocks come last and change what reaches the
 * actuator, not the cell: once one clears, the command in the cell stands again.
 */
export class Plc {
  readonly image = new ProcessImage()
  readonly #watchdog: Watchdog | undefined
  readonly #bindings: readonly Binding[]
  readonly #inputs: readonly BoundSignal[]
  readonly #outputs: readonly BoundSignal[]
  readonly #interlocks: readonly Interlock[]
  #state: WatchdogState = 'off'

  constructor({ bindings, watchdog, interlocks }: PlcSpec, now: MonotonicMs) {
    for (const binding of bindings) {
      const { table, address, initial, fallback = 0, fallbackRegister } = binding
      this.#put(table, address, cellsOf(binding, initial))
      if (fallbackRegister !== undefined) {
        this.#put('input-register', fallbackRegister, cellsOf(binding, fallback))
      }
    }
    for (const { discrete_input } of interlocks) {
      if (discrete_input !== undefined) this.image.set('discrete-input', discrete_input, 0)
    }
    const bound = bindings.flatMap(binding => (binding.signal ? [{ signal: binding.signal, binding }] : []))
    this.#bindings = bindings
    this.#inputs = bound.filter(({ binding }) => !isOutput(binding))
    this.#outputs = bound.filter(({ binding }) => isOutput(binding))
    this.#interlocks = interlocks.map(spec => new Interlock(spec))
    this.#watchdog = watchdog && startWatchdog(watchdog, this.image, now)
  }

  /** The watchdog's state at the last scan; off for a PLC that has none. */
  get watchdogState(): WatchdogState {
    return this.#state
  }

  /** One scan: takes the sensors' readings and returns the commands for the actuators, both by signal name. */
  scan(readings: ReadonlyMap<string, number>, now: MonotonicMs): Map<string, number> {
    this.#state = this.#look(now)
    const commands = new Map<string, number>()
    for (const { signal, binding } of this.#outputs) {
      const command = valueIn(this.image, binding)
      // A float can hold what is no number. Nothing can be driven there: what was commanded before stands.
      if (!Number.isNaN(command)) commands.set(signal, command)
    }
    for (const interlock of this.#interlocks) {
      const { signal, force, to, discrete_input } = interlock.spec
      const isActing = interlock.look(readings.get(signal))
      if (isActing) commands.set(force, to)
      if (discrete_input !== undefined) this.image.set('discrete-input', discrete_input, isActing ? 1 : 0)
    }
    for (const { signal, binding } of this.#inputs) {
      const reading = readings.get(signal)
      if (reading !== undefined) this.#put(binding.table, binding.address, toCells(binding, reading))
    }
    return commands
  }

  /**
   * The exception code that it refuses a request with; undefined lets it pass. A watchdog that has expired since the
   * last scan acts first, so that a request which rearms it comes too late for what was commanded before.
   */
  refuses(request: Request, now: MonotonicMs): number | undefined {
    this.#look(now)
    return this.#watchdog?.refuses(request, now)
  }

  /** A request was carried out; `landed` are the cells that its values reached, none for a read. */
  saw(request: Request, landed: readonly Landed[], now: MonotonicMs): void {
    this.#watchdog?.saw(request, landed, now)
  }

  #look(now: MonotonicMs): WatchdogState {
    const state = this.#watchdog?.look(now) ?? 'off'
    if (state === 'expired') this.#fallBack()
    return state
  }

  #fallBack(): void {
    for (const binding of this.#bindings) {
      const { fallback, signal } = binding
      const cleared =
        this.#watchdog?.clearsOutputs && signal !== undefined && isOutput(binding) ? 0 : undefined
      const value = fallback ?? cleared
      if (value !== undefined) this.#put(binding.table, binding.address, cellsOf(binding, value))
    }
  }

  /** Sets cells one after the other: a read by any client comes before all of them, or after. */
  #put(table: Table, address: number, cells: readonly number[]): void {
    for (let i = 0; i < cells.length; i++) this.image.set(table, address + i, cells[i] ?? 0)
  }
}

interface BoundSignal {
  readonly signal: string
  readonly binding: Binding
}

function isOutput({ table }: Binding): boolean {
  return table === 'coil' || table === 'holding-register'
}
