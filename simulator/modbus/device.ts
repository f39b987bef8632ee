import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import type { Chance } from '../chance.ts'
import { concerns } from '../fault.ts'
import type { PlcFaults } from '../faults.ts'
import type { WritableTable } from '../image.ts'
import type { Plc } from '../plc/plc.ts'
import type { Landed } from '../plc/watchdog.ts'
import { bitsAnswer, echoAnswer, exceptionAnswer, registersAnswer } from './answer.ts'
import type { Frame } from './frame.ts'
import { GATEWAY_TARGET_FAILED, ILLEGAL_ADDRESS, parseRequest, type Request } from './request.ts'

/** One value of a write, as it landed in the process image. */
export interface WriteEvent {
  readonly table: WritableTable
  readonly address: number
  /** Raw: a coil is 0 or 1. */
  readonly value: number
  readonly monotonicMs: MonotonicMs
  /** Set when not a client wrote it, but the second master of a fault. */
  readonly secondMaster?: true
}

/** What goes back, and how long after the request came; undefined when nothing ever does. */
export type Reply = { readonly pdu: Buffer; readonly delay: Millis } | undefined

/** The unit id that means all units of a bus. */
const BROADCAST = 0

export interface DeviceParts {
  readonly unit: number
  readonly plc: Plc
  readonly faults: PlcFaults
  readonly clock: Clock
  /** Where jitter comes from. */
  readonly chance: Chance
  /** Called for each value of a write that lands. */
  landed(event: WriteEvent): void
}

/** A Modbus device: carries out requests on a PLC's process image, as far as its watchdog and its faults let it. */
export class ModbusDevice {
  readonly #unit: number
  readonly #plc: Plc
  readonly #faults: PlcFaults
  readonly #clock: Clock
  /** Of jitter. */
  readonly #chance: Chance
  readonly #landed: (event: WriteEvent) => void

  constructor({ unit, plc, faults, clock, chance, landed }: DeviceParts) {
    this.#unit = unit
    this.#plc = plc
    this.#faults = faults
    this.#clock = clock
    this.#chance = chance
    this.#landed = landed
  }

  /**
   * Carries out one request. A unit id other than the device's own is answered with exception 0x0B, as a gateway does
   * for a device that it cannot reach: a client with a wrong unit id is told so and need not wait out its deadline. On
   * a bus it is not answered at all, and a write to everybody is carried out without an answer.
   */
  answer(frame: Frame, isBus = false): Reply {
    const { unit, pdu } = frame
    const functionCode = pdu.readUInt8(0)
    if (isBus && unit === BROADCAST) return this.#takeBroadcast(pdu)
    if (isBus && unit !== this.#unit) return undefined
    if (unit !== this.#unit) return { pdu: exceptionAnswer(functionCode, GATEWAY_TARGET_FAILED), delay: 0 }
    const request = parseRequest(pdu)
    if (request.kind === 'unparsed') return { pdu: exceptionAnswer(functionCode, request.code), delay: 0 }

    const silent = this.#faults.of('silent').find(fault => concerns(fault, request.kind))
    if (silent?.effect === 'lost') return undefined
    const answer = this.#carryOut(request, pdu)
    if (silent) return undefined
    const late = this.#faults.of('latency').find(fault => concerns(fault, request.kind))
    if (!late) return { pdu: answer, delay: 0 }
    return { pdu: answer, delay: late.ms + (late.jitter_ms ?? 0) * this.#chance.next() }
  }

  #takeBroadcast(pdu: Buffer): undefined {
    const request = parseRequest(pdu)
    if (request.kind === 'write') this.#carryOut(request, pdu)
  }

  /**
   * A write by another master than those who are connected: it lands as theirs do, if the PLC has the cell and takes
   * it.
   */
  writeAsSecondMaster(table: WritableTable, address: number, value: number): void {
    const functionCode = table === 'coil' ? 5 : 6
    const raw = table === 'coil' ? Math.min(value, 1) : value
    const request = { kind: 'write', functionCode, table, address, values: [raw] } as const
    const now = this.#clock.monotonic()
    if (!this.#plc.image.has(table, address, 1)) return
    if (this.#plc.refuses(request, now) !== undefined) return
    this.#write(request, now, { secondMaster: true })
  }

  #carryOut(request: Request, pdu: Buffer): Buffer {
    const functionCode = pdu.readUInt8(0)
    const exception = this.#faults.of('exception').find(fault => concerns(fault, request.kind))
    if (exception) return exceptionAnswer(functionCode, exception.code)
    const now = this.#clock.monotonic()
    const { table, address } = request
    const quantity = request.kind === 'read' ? request.quantity : request.values.length
    if (!this.#plc.image.has(table, address, quantity)) return exceptionAnswer(functionCode, ILLEGAL_ADDRESS)
    const refusal = this.#plc.refuses(request, now)
    if (refusal !== undefined) return exceptionAnswer(functionCode, refusal)
    if (request.kind === 'write') {
      this.#write(request, now)
      return echoAnswer(pdu)
    }
    this.#plc.saw(request, [], now)
    const values = Array.from({ length: quantity }, (_, i) => this.#plc.image.get(table, address + i))
    const isBits = table === 'coil' || table === 'discrete-input'
    return isBits ? bitsAnswer(functionCode, values) : registersAnswer(functionCode, values)
  }

  /** All of a write lands before anyone hears of any of it: a scan or a listener never sees half of one. */
  #write(
    request: Extract<Request, { kind: 'write' }>,
    now: MonotonicMs,
    by: Pick<WriteEvent, 'secondMaster'> = {},
  ): void {
    const { table, address, values } = request
    const landed = values
      .map((value, i): Landed => {
        const before = this.#plc.image.get(table, address + i)
        return { table, address: address + i, value, before }
      })
      .filter(cell => !this.#isIgnored(cell))
    for (const cell of landed) this.#plc.image.set(cell.table, cell.address, cell.value)
    this.#plc.saw(request, landed, now)
    for (const { before: _, ...cell } of landed) this.#landed({ ...cell, monotonicMs: now, ...by })
  }

  #isIgnored({ table, address }: Landed): boolean {
    return this.#faults
      .of('write-ignored')
      .some(fault => (fault.table ?? table) === table && (fault.address ?? address) === address)
  }
}
