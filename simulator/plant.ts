import type { Clock, Millis } from '../model/time.ts'
import type { WriteEvent } from './cells.ts'
import { Faults } from './faults.ts'
import { Field } from './field.ts'
import { CoolingLoopHandle, PumpHandle, TankHandle, ValveHandle } from './handle.ts'
import type { ImageView, WritableTable } from './image.ts'
import type { Reply } from './modbus/device.ts'
import type { Address } from './modbus/server.ts'
import type { Objection } from './objections.ts'
import type { NodeValue } from './opcua/device.ts'
import { type PlantSource, readPlant } from './plant-file/read.ts'
import { targetsOf } from './plant-file/reference.ts'
import type { PlantSpec } from './plant-file/schema.ts'
import type { WatchdogState } from './plc/watchdog.ts'
import type { Element } from './process/process.ts'
import { runScans } from './scan-loop.ts'
import { type NodeReply, type OpcUaEndpoint, Station } from './station.ts'

export type { WriteEvent } from './cells.ts'
export type { Fault, FaultKind } from './fault.ts'
export type { ImageView, Table, WritableTable } from './image.ts'
export type { Reply } from './modbus/device.ts'
export type { Address } from './modbus/server.ts'
export type { Objection } from './objections.ts'
export type { NodeValue } from './opcua/device.ts'
export { PlantFileError } from './plant-file/problem.ts'
export type { PlantSource } from './plant-file/read.ts'
export type { PlantFile, PlantSpec } from './plant-file/schema.ts'
export type { NodeReply, OpcUaEndpoint } from './station.ts'

export interface PlantOptions {
  /** What moves the plant on, and times late answers: real, or a `VirtualClock` that a test advances. */
  readonly clock: Clock
  /**
   * Instead of the plant file's port of Modbus TCP; 0 takes free ports from the kernel, for RTU over TCP and OPC UA too.
   * Where there are several PLCs they take the ports that follow.
   */
  readonly port?: number | undefined
  /** Instead of the plant file's. */
  readonly host?: string | undefined
  /** Instead of the plant file's: the same seed gives the same noise and jitter. */
  readonly seed?: number | undefined
  /** Whether to open the serial ports of the plant file; they are, unless this is false. */
  readonly serial?: boolean | undefined
  /** Whether to serve OPC UA where the plant file says so; it is, unless this is false. */
  readonly opcua?: boolean | undefined
}

/** One PLC of a running plant, as a test sees it. */
export interface PlcHandle {
  readonly name: string
  /** Where it serves Modbus TCP. */
  readonly address: Address
  /** Where it serves RTU over TCP, if it does. */
  readonly rtuAddress: Address | undefined
  /** Where and as whom it serves OPC UA, if it does. */
  readonly opcua: OpcUaEndpoint | undefined
  /** Its Modbus unit id. */
  readonly unit: number
  /** What a Modbus client would read now, raw. */
  readonly image: ImageView
  readonly watchdog: WatchdogState
  /**
   * Answers a write of one raw value as it does a master's that has just connected, and carries it out as far as
   * watchdog and faults let it. undefined: no answer ever comes.
   */
  answerWrite(table: WritableTable, address: number, value: number): Reply
  /** What OPC UA shows of a node, such as `tank.level`. Throws RangeError when there is none. */
  readNode(name: string): NodeValue
  /** Answers a write of a value in its unit over OPC UA, as `answerWrite` does over Modbus. */
  answerNodeWrite(name: string, value: number): NodeReply
  /** Calls back for each value of each write as it lands in the process image. Returns what ends it. */
  onWrite(listener: (event: WriteEvent) => void): () => void
  /**
   * Calls back for connections and requests that its OPC UA server refused, in real time; for the same from one address ever more
   * seldom. Returns what ends it.
   */
  onObjection(listener: (objection: Objection) => void): () => void
}

/**
 * Reads a plant, starts its PLCs and serves them over Modbus. Rejects with PlantFileError when the plant file cannot be
 * used, and with the system's error when it cannot be read or a port cannot be had.
 */
export async function startPlant(source: PlantSource, options: PlantOptions): Promise<Plant> {
  return Plant.start(await readPlant(source), options)
}

/**
 * A running plant. Disposing of it stops the scan cycles, closes every connection and frees the ports. What it says of
 * its PLC (`address`, `image`, `watchdog`, `onWrite`) is of the first one, where there are several.
 */
export class Plant implements AsyncDisposable {
  readonly faults: Faults
  readonly spec: PlantSpec
  readonly #stations = new Map<string, Station>()
  readonly #first: PlcHandle
  readonly #field: Field
  readonly #stopping = new AbortController()
  readonly #scanListeners = new Set<() => void>()
  /** What the PLCs last commanded, by signal name; each command belongs to one of them. */
  readonly #commands = new Map<string, number>()
  #scanning: Promise<void> = Promise.resolve()
  #lost: Millis = 0

  private constructor(spec: PlantSpec, options: PlantOptions) {
    const { clock, host, port, seed = spec.seed } = options
    const { serial: isOnSerialLines = true, opcua: isOnOpcUa = true } = options
    const elements = new Map(Object.entries(spec.elements))
    this.spec = spec
    this.faults = new Faults(targetsOf(elements, [...spec.plcs.keys()]), this.#stations)
    const sensors = new Map(Object.entries(spec.sensors))
    this.#field = new Field(elements, { sensors, seed }, this.faults)
    for (const [name, plc] of spec.plcs) {
      const { modbus } = plc
      const override = port === undefined || port === 0 ? port : port + this.#stations.size
      const at = host ?? modbus.host
      const opcua = isOnOpcUa ? plc.opcua : undefined
      const station = new Station({
        plant: spec.plant,
        elements,
        name,
        spec: plc,
        address: { host: at, port: override ?? modbus.port },
        rtuAddress: modbus.rtu_over_tcp && { host: at, port: port === 0 ? 0 : modbus.rtu_over_tcp.port },
        opcuaAddress: opcua && { host: at, port: port === 0 ? 0 : opcua.port },
        serial: isOnSerialLines ? modbus.serial : undefined,
        faults: this.faults.on(name),
        clock,
        seed,
      })
      this.#stations.set(name, station)
    }
    this.#first = this.plc([...spec.plcs.keys()][0] ?? '')
  }

  /** Use `startPlant`. */
  static async start(spec: PlantSpec, options: PlantOptions): Promise<Plant> {
    const plant = new Plant(spec, options)
    // The first scan is at the start, so that no client ever reads an input that no sensor wrote.
    for (const station of plant.#stations.values()) plant.#scan(station, 0)
    try {
      for (const station of plant.#stations.values()) await station.restore()
      for (const fault of spec.faults) await plant.faults.set(fault)
    } catch (error) {
      await plant[Symbol.asyncDispose]()
      throw error
    }
    const tasks = [...plant.#stations.values()].map(station => ({
      cycle: station.spec.scan_cycle,
      scan: (at: Millis) => {
        plant.#scan(station, at)
        for (const listener of plant.#scanListeners) listener()
      },
    }))
    plant.#scanning = runScans(options.clock, tasks, plant.#stopping.signal, ms => {
      plant.#lost += ms
    })
    return plant
  }

  /** Its PLCs, in the order of the plant file. */
  get plcs(): readonly PlcHandle[] {
    return [...this.#stations.values()]
  }

  /** One of its PLCs. The only one of a plant file with `plc` is called plc. */
  plc(name: string): PlcHandle {
    const station = this.#stations.get(name)
    if (station) return station
    throw new RangeError(`the plant has no PLC ${name}; it has ${[...this.#stations.keys()].join(', ')}`)
  }

  get address(): Address {
    return this.#first.address
  }

  /** Where and as whom the first PLC serves OPC UA, if it does. */
  get opcua(): OpcUaEndpoint | undefined {
    return this.#first.opcua
  }

  get image(): ImageView {
    return this.#first.image
  }

  get watchdog(): WatchdogState {
    return this.#first.watchdog
  }

  onWrite(listener: (event: WriteEvent) => void): () => void {
    return this.#first.onWrite(listener)
  }

  /** For how long plant time has stood still because the machine could not keep up. */
  get lost(): Millis {
    return this.#lost
  }

  /**
   * Changes what the world does to the process, from now on: the demand on a tank (`tank.demand`, litres a second) or
   * the heat load of a cooling loop (`cooling-loop.heat-load`, kilowatts). Throws RangeError when the plant has no such
   * thing.
   */
  disturb(disturbance: string, value: number): void {
    this.#field.disturb(disturbance, value)
  }

  /** The true value of every measurement by name, in its unit. */
  get truths(): ReadonlyMap<string, number> {
    return this.#field.truth
  }

  /** What the sensors show, by the same names. */
  get readings(): ReadonlyMap<string, number> {
    return this.#field.readings
  }

  /** What the PLCs last commanded, such as `inlet-valve.command`. */
  get commands(): ReadonlyMap<string, number> {
    return this.#commands
  }

  /** What each disturbance is now. */
  get disturbances(): ReadonlyMap<string, number> {
    return this.#field.disturbances
  }

  /** The true value of a measurement such as `inlet-valve.position`, in its unit, whatever its sensor shows. */
  truth(signal: string): number {
    const value = this.#field.truth.get(signal)
    if (value === undefined) throw new RangeError(`the plant has no measurement ${signal}`)
    return value
  }

  /** A valve, as it truly is. Throws RangeError when the plant has none of this name; so do the next three. */
  valve(name: string): ValveHandle {
    return new ValveHandle(this.#named(name, 'valve'), signal => this.truth(signal))
  }

  pump(name: string): PumpHandle {
    return new PumpHandle(this.#named(name, 'pump'), signal => this.truth(signal))
  }

  tank(name: string): TankHandle {
    return new TankHandle(this.#named(name, 'tank'), signal => this.truth(signal))
  }

  coolingLoop(name: string): CoolingLoopHandle {
    return new CoolingLoopHandle(this.#named(name, 'cooling-loop'), signal => this.truth(signal))
  }

  /** Calls back after each scan of a PLC. Returns what ends it. */
  onScan(listener: () => void): () => void {
    this.#scanListeners.add(listener)
    return () => this.#scanListeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#stations.values()].map(station => station[Symbol.asyncDispose]()))
    await this.#scanning
  }

  #scan(station: Station, at: Millis): void {
    this.#field.advanceTo(at, this.#commands)
    for (const [signal, value] of station.scan(this.#field.readings, at)) this.#commands.set(signal, value)
  }

  #named(name: string, kind: Element['kind']): string {
    if (this.spec.elements[name]?.kind === kind) return name
    throw new RangeError(`the plant has no ${kind} ${name}`)
  }
}
