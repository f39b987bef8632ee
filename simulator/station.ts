import type { Clock, Millis } from '../model/time.ts'
import { Chance } from './chance.ts'
import type { Link, PlcFaults } from './faults.ts'
import type { ImageView, WritableTable } from './image.ts'
import { ModbusDevice, type Reply, type WriteEvent } from './modbus/device.ts'
import { type Address, ModbusServer } from './modbus/server.ts'
import { bindingsOf } from './plant-file/bindings.ts'
import type { PlcFileSpec } from './plant-file/plc-form.ts'
import { Plc } from './plc/plc.ts'
import type { WatchdogState } from './plc/watchdog.ts'

export interface StationOptions {
  readonly name: string
  readonly spec: PlcFileSpec
  readonly address: Address
  readonly faults: PlcFaults
  readonly clock: Clock
  readonly seed: number
}

/** One PLC of a plant with everything that it is reached by. */
export class Station implements Link, AsyncDisposable {
  readonly name: string
  readonly spec: PlcFileSpec
  readonly #clock: Clock
  readonly #plc: Plc
  readonly #device: ModbusDevice
  readonly #server: ModbusServer
  readonly #writeListeners = new Set<(event: WriteEvent) => void>()
  /** When each second master writes next, in plant time. */
  readonly #secondMasters = new Map<string, Millis>()
  readonly #faults: PlcFaults

  constructor({ name, spec, address, faults, clock, seed }: StationOptions) {
    this.name = name
    this.spec = spec
    this.#faults = faults
    this.#clock = clock
    const { watchdog, interlocks } = spec
    this.#plc = new Plc({ bindings: bindingsOf(spec), watchdog, interlocks }, clock.monotonic())
    this.#device = new ModbusDevice({
      unit: spec.modbus.unit,
      plc: this.#plc,
      faults,
      clock,
      chance: new Chance(seed, `jitter ${name}`),
      landed: event => {
        for (const listener of this.#writeListeners) listener(event)
      },
    })
    this.#server = new ModbusServer(address, this.#device, clock)
  }

  /** Where it serves Modbus TCP. */
  get address(): Address {
    return this.#server.address
  }

  get unit(): number {
    return this.spec.modbus.unit
  }

  /** What a Modbus client would read now, raw. */
  get image(): ImageView {
    return this.#plc.image
  }

  /** off before it is armed, and for a PLC that has none. */
  get watchdog(): WatchdogState {
    return this.#plc.watchdogState
  }

  /** Calls back for each value of each write as it lands in the process image. Returns what ends it. */
  onWrite(listener: (event: WriteEvent) => void): () => void {
    this.#writeListeners.add(listener)
    return () => this.#writeListeners.delete(listener)
  }

  /** One scan at a moment of plant time: takes the sensors' readings and returns the commands for the actuators. */
  scan(readings: ReadonlyMap<string, number>, at: Millis): Map<string, number> {
    this.#writeAsSecondMasters(at)
    return this.#plc.scan(readings, this.#clock.monotonic())
  }

  /**
   * Answers a write of one raw value as it does a master's that has just connected, and carries it out as far as watchdog and faults let it.
   */
  answerWrite(table: WritableTable, address: number, value: number): Reply {
    if (!this.#server.isListening) return undefined
    const pdu = Buffer.alloc(5)
    pdu.writeUInt8(table === 'coil' ? 5 : 6, 0)
    pdu.writeUInt16BE(address, 1)
    pdu.writeUInt16BE(table === 'coil' ? (value === 0 ? 0 : 0xff00) : value, 3)
    return this.#device.answer({ transaction: 0, unit: this.unit, pdu })
  }

  /** Serves, for the first time or again. Rejects with the system's error when the address can't be had. */
  restore(): Promise<void> {
    return this.#server.restore()
  }

  drop(): Promise<void> {
    return this.#server.drop()
  }

  hang(): void {
    this.#server.hang()
  }

  reset(): void {
    this.#server.reset()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }

  #writeAsSecondMasters(at: Millis): void {
    const masters = this.#faults.of('second-master')
    if (masters.length === 0) return this.#secondMasters.clear()
    for (const { table, address, value, every_ms } of masters) {
      const key = `${table} ${address}`
      const due = this.#secondMasters.get(key) ?? at
      if (at < due) continue
      this.#secondMasters.set(key, due + every_ms)
      this.#device.writeAsSecondMaster(table, address, value)
    }
  }
}
