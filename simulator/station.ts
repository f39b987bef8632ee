import type { Clock, Millis } from '../model/time.ts'
import { Cells, type WriteEvent } from './cells.ts'
import { Chance } from './chance.ts'
import type { Link, PlcFaults } from './faults.ts'
import type { ImageView, WritableTable } from './image.ts'
import { ModbusDevice, type Reply } from './modbus/device.ts'
import { rtuFraming, tcpFraming } from './modbus/framing.ts'
import { SerialLine, type SerialSettings } from './modbus/serial-line.ts'
import { type Address, ModbusServer } from './modbus/server.ts'
import type { Objection } from './objections.ts'
import { Answers } from './opcua/answers.ts'
import { type NodeValue, OpcUaDevice } from './opcua/device.ts'
import { type CellNode, nodesOf } from './opcua/node.ts'
import { OpcUaServer } from './opcua/server.ts'
import type { Status } from './opcua/status.ts'
import { bindingsOf } from './plant-file/bindings.ts'
import type { PlcFileSpec } from './plant-file/plc-form.ts'
import { Plc } from './plc/plc.ts'
import type { WatchdogState } from './plc/watchdog.ts'
import type { Elements } from './process/process.ts'

export interface StationOptions {
  /** Of the plant. */
  readonly plant: string
  readonly elements: Elements
  readonly name: string
  readonly spec: PlcFileSpec
  /** Of Modbus TCP. */
  readonly address: Address
  readonly rtuAddress: Address | undefined
  readonly serial: SerialSettings | undefined
  /** Of OPC UA; undefined where it is not served. */
  readonly opcuaAddress: Address | undefined
  readonly faults: PlcFaults
  readonly clock: Clock
  readonly seed: number
}

/** How an OPC UA server of a plant is found and recognised. */
export interface OpcUaEndpoint {
  /** Such as `opc.tcp://127.0.0.1:4840`. */
  readonly url: string
  /** The certificate that it shows, in DER. */
  readonly certificate: Buffer
  /** The URI of the namespace of its nodes. */
  readonly namespace: string
}

/** What goes back to a write over OPC UA, and how long after it came; undefined when nothing ever does. */
export type NodeReply = { readonly status: Status; readonly delay: Millis } | undefined

/** One PLC of a plant with everything that it is reached by. */
export class Station implements Link, AsyncDisposable {
  readonly name: string
  readonly spec: PlcFileSpec
  readonly #clock: Clock
  readonly #plc: Plc
  readonly #device: ModbusDevice
  readonly #server: ModbusServer
  readonly #rtuServer: ModbusServer | undefined
  readonly #opcuaDevice: OpcUaDevice
  readonly #opcuaAnswers: Answers
  /** What OPC UA shows, by name. */
  readonly #nodes: ReadonlyMap<string, CellNode>
  readonly #opcuaServer: OpcUaServer | undefined
  /** Everything that it is reached by. */
  readonly #links: readonly (Link & AsyncDisposable)[]
  readonly #writeListeners = new Set<(event: WriteEvent) => void>()
  /** When each second master writes next, in plant time. */
  readonly #secondMasters = new Map<string, Millis>()
  readonly #faults: PlcFaults

  constructor(options: StationOptions) {
    const { name, spec, address, rtuAddress, serial, faults, clock, seed } = options
    this.name = name
    this.spec = spec
    this.#faults = faults
    this.#clock = clock
    const { watchdog, interlocks } = spec
    this.#plc = new Plc({ bindings: bindingsOf(spec), watchdog, interlocks }, clock.monotonic())
    const cells = new Cells({
      plc: this.#plc,
      faults,
      clock,
      landed: event => {
        this.#opcuaDevice.landed(event.table, event.address)
        for (const listener of this.#writeListeners) listener(event)
      },
    })
    const chance = new Chance(seed, `jitter ${name}`)
    this.#device = new ModbusDevice({
      unit: spec.modbus.unit,
      identification: spec.modbus.identification ?? {
        vendor: 'holdfast',
        product_code: 'simulated-plc',
        revision: '1',
        application: name === 'plc' ? options.plant : `${options.plant} ${name}`,
      },
      cells,
      faults,
      chance,
    })
    this.#opcuaDevice = new OpcUaDevice({ cells, faults, clock })
    this.#opcuaAnswers = new Answers(faults, clock, new Chance(seed, `opcua jitter ${name}`))
    const nodes = nodesOf(bindingsOf(spec), this.#plc.image, options.elements)
    this.#nodes = new Map(nodes.map(node => [node.name, node]))
    this.#opcuaServer = this.#serverOf(options)
    this.#server = new ModbusServer(address, this.#device, tcpFraming, clock)
    this.#rtuServer = rtuAddress && new ModbusServer(rtuAddress, this.#device, rtuFraming, clock)
    const line = serial && new SerialLine(serial, this.#device, clock)
    this.#links = [this.#server, this.#rtuServer, line, this.#opcuaServer].filter(link => link !== undefined)
  }

  /** Where it serves Modbus TCP. */
  get address(): Address {
    return this.#server.address
  }

  /** Where it serves RTU over TCP, if it does. */
  get rtuAddress(): Address | undefined {
    return this.#rtuServer?.address
  }

  /** Where and as whom it serves OPC UA, if it does. */
  get opcua(): OpcUaEndpoint | undefined {
    const server = this.#opcuaServer
    return server && { url: server.url, certificate: server.certificate, namespace: server.namespace }
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

  onObjection(listener: (objection: Objection) => void): () => void {
    return this.#opcuaServer?.objections.on(listener) ?? (() => {})
  }

  /** One scan at a moment of plant time: takes the sensors' readings and returns the commands for the actuators. */
  scan(readings: ReadonlyMap<string, number>, at: Millis): Map<string, number> {
    this.#writeAsSecondMasters(at)
    const commands = this.#plc.scan(readings, this.#clock.monotonic())
    this.#opcuaDevice.scanned()
    return commands
  }

  answerWrite(table: WritableTable, address: number, value: number): Reply {
    if (!this.#server.isListening) return undefined
    const pdu = Buffer.alloc(5)
    pdu.writeUInt8(table === 'coil' ? 5 : 6, 0)
    pdu.writeUInt16BE(address, 1)
    pdu.writeUInt16BE(table === 'coil' ? (value === 0 ? 0 : 0xff00) : value, 3)
    return this.#device.answer({ transaction: 0, unit: this.unit, pdu })
  }

  /** What a node of OPC UA shows now. Throws RangeError when there is none of this name. */
  readNode(name: string): NodeValue {
    return this.#opcuaDevice.read(this.#node(name))
  }

  answerNodeWrite(name: string, value: number): NodeReply {
    const node = this.#node(name)
    if (this.#faults.of('dropped-link').length > 0) return undefined
    if (!this.#opcuaAnswers.carriesOut('WriteRequest')) return undefined
    const status = this.#opcuaDevice.write(node, value)
    const delay = this.#opcuaAnswers.delayOf('WriteRequest')
    return delay === undefined ? undefined : { status, delay }
  }

  /** Serves, for the first time or again. Rejects with the system's error when an address or a port can't be had. */
  async restore(): Promise<void> {
    for (const link of this.#links) await link.restore()
  }

  async drop(): Promise<void> {
    await Promise.all(this.#links.map(link => link.drop()))
  }

  hang(): void {
    for (const link of this.#links) link.hang()
  }

  reset(): void {
    for (const link of this.#links) link.reset()
  }

  closeSessions(): void {
    this.#opcuaServer?.closeSessions()
  }

  async showCertificate(): Promise<void> {
    await this.#opcuaServer?.showCertificate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map(link => link[Symbol.asyncDispose]()))
  }

  #serverOf({ plant, name, spec, opcuaAddress, faults }: StationOptions) {
    if (!spec.opcua || !opcuaAddress) return undefined
    return new OpcUaServer({
      plant,
      plc: name,
      address: opcuaAddress,
      settings: spec.opcua,
      nodes: [...this.#nodes.values()],
      device: this.#opcuaDevice,
      answers: this.#opcuaAnswers,
      faults,
      scanCycle: spec.scan_cycle,
    })
  }

  #node(name: string): CellNode {
    const node = this.#nodes.get(name)
    if (node) return node
    throw new RangeError(`${this.name} has no node ${name}; it has ${[...this.#nodes.keys()].join(', ')}`)
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
