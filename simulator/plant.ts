import type { Clock, Millis } from '../model/time.ts'
import { Faults } from './faults.ts'
import { Field } from './field.ts'
import type { ImageView } from './image.ts'
import { ModbusDevice, type WriteEvent } from './modbus/device.ts'
import { type Address, ModbusServer } from './modbus/server.ts'
import { bindingsOf } from './plant-file/bindings.ts'
import { type PlantSource, readPlant } from './plant-file/read.ts'
import { targetsOf } from './plant-file/reference.ts'
import type { PlantSpec } from './plant-file/schema.ts'
import { Plc } from './plc/plc.ts'
import type { WatchdogState } from './plc/watchdog.ts'
import { runScans } from './scan-loop.ts'

export type { Fault, FaultKind } from './fault.ts'
export type { ImageView, Table, WritableTable } from './image.ts'
export type { WriteEvent } from './modbus/device.ts'
export type { Address } from './modbus/server.ts'
export { PlantFileError } from './plant-file/problem.ts'
export type { PlantSource } from './plant-file/read.ts'
export type { PlantFile, PlantSpec } from './plant-file/schema.ts'

export interface PlantOptions {
  /** What moves the plant on, and times late answers: real, or a `VirtualClock` that a test advances. */
  readonly clock: Clock
  /** Instead of the plant file's; 0 takes a free port from the kernel. */
  readonly port?: number | undefined
  /** Instead of the plant file's. */
  readonly host?: string | undefined
  /** Instead of the plant file's: the same seed gives the same noise. */
  readonly seed?: number | undefined
}

/**
 * Reads a plant, starts its PLC and serves it over Modbus TCP. Rejects with PlantFileError when the plant file cannot be
 * used, and with the system's error when it cannot be read or the port cannot be had.
 */
export async function startPlant(source: PlantSource, options: PlantOptions): Promise<Plant> {
  return Plant.start(await readPlant(source), options)
}

/** A running plant. Disposing of it stops the scan cycle, closes every connection and frees the port. */
export class Plant implements AsyncDisposable {
  readonly faults: Faults
  readonly spec: PlantSpec
  readonly #clock: Clock
  readonly #plc: Plc
  readonly #field: Field
  readonly #stopping = new AbortController()
  readonly #writeListeners = new Set<(event: WriteEvent) => void>()
  readonly #scanListeners = new Set<() => void>()
  readonly #server: ModbusServer
  #commands: ReadonlyMap<string, number>
  #scanning: Promise<void> = Promise.resolve()
  #lost: Millis = 0

  private constructor(spec: PlantSpec, { clock, host, port, seed }: PlantOptions) {
    const { modbus } = spec.plc
    const elements = new Map(Object.entries(spec.elements))
    this.spec = spec
    this.faults = new Faults(targetsOf(elements), {
      drop: () => this.#server.drop(),
      restore: () => this.#server.restore(),
    })
    const { watchdog, interlocks } = spec.plc
    this.#clock = clock
    this.#plc = new Plc({ bindings: bindingsOf(spec), watchdog, interlocks }, clock.monotonic())
    const sensors = new Map(Object.entries(spec.sensors))
    this.#field = new Field(elements, { sensors, seed: seed ?? spec.seed }, this.faults)
    // The first scan is at the start, so that no client ever reads an input that no sensor wrote.
    this.#commands = this.#plc.scan(this.#field.readings, clock.monotonic())
    const device = new ModbusDevice(modbus.unit, this.#plc, this.faults, clock, event => {
      for (const listener of this.#writeListeners) listener(event)
    })
    const address = { host: host ?? modbus.host, port: port ?? modbus.port }
    this.#server = new ModbusServer(address, device, clock)
  }

  /** Use `startPlant`. */
  static async start(spec: PlantSpec, options: PlantOptions): Promise<Plant> {
    const plant = new Plant(spec, options)
    await plant.#server.restore()
    for (const fault of spec.faults) await plant.faults.set(fault)
    const { signal } = plant.#stopping
    const task = { cycle: spec.plc.scan_cycle, scan: (at: Millis) => plant.#scan(at) }
    plant.#scanning = runScans(options.clock, [task], signal, ms => {
      plant.#lost += ms
    })
    return plant
  }

  /** Where it serves Modbus TCP. */
  get address(): Address {
    return this.#server.address
  }

  /** What a Modbus client would read now, raw. */
  get image(): ImageView {
    return this.#plc.image
  }

  /** off before it is armed, and for a PLC that has none. */
  get watchdog(): WatchdogState {
    return this.#plc.watchdogState
  }

  /** For how long plant time has stood still because the machine could not keep up. */
  get lost(): Millis {
    return this.#lost
  }

  /** The true value of a measurement such as `inlet-valve.position`, in its unit, whatever its sensor shows. */
  truth(signal: string): number {
    const value = this.#field.truth.get(signal)
    if (value === undefined) throw new RangeError(`the plant has no measurement ${signal}`)
    return value
  }

  /** Calls back for each value of each write as it lands in the process image. Returns what ends it. */
  onWrite(listener: (event: WriteEvent) => void): () => void {
    this.#writeListeners.add(listener)
    return () => this.#writeListeners.delete(listener)
  }

  /** Calls back after each scan. Returns what ends it. */
  onScan(listener: () => void): () => void {
    this.#scanListeners.add(listener)
    return () => this.#scanListeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#server[Symbol.asyncDispose]()
    await this.#scanning
  }

  #scan(at: Millis): void {
    this.#field.advanceTo(at, this.#commands)
    this.#commands = this.#plc.scan(this.#field.readings, this.#clock.monotonic())
    for (const listener of this.#scanListeners) listener()
  }
}
