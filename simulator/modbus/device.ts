import type { Millis } from '../../model/time.ts'
import { type Cells, writeOf } from '../cells.ts'
import type { Chance } from '../chance.ts'
import { concerns, type Direction } from '../fault.ts'
import type { PlcFaults } from '../faults.ts'
import type { WritableTable } from '../image.ts'
import { bitsAnswer, echoAnswer, exceptionAnswer, registersAnswer } from './answer.ts'
import type { Frame } from './frame.ts'
import { type Identification, identificationAnswer } from './identification.ts'
import {
  type Exchange,
  GATEWAY_TARGET_FAILED,
  ILLEGAL_ADDRESS,
  type MaskWrite,
  type ModbusRequest,
  parseRequest,
  type Request,
} from './request.ts'

/** What goes back, and how long after the request came; undefined when nothing ever does. */
export type Reply = { readonly pdu: Buffer; readonly delay: Millis } | undefined

/** The unit id that means all units of a bus. */
const BROADCAST = 0

export interface DeviceParts {
  readonly unit: number
  readonly identification: Identification
  readonly cells: Cells
  readonly faults: PlcFaults
  /** Where jitter comes from. */
  readonly chance: Chance
}

/** A Modbus device: carries out requests on a PLC's process image, as far as its watchdog and its faults let it. */
export class ModbusDevice {
  readonly #unit: number
  readonly #identification: Identification
  readonly #cells: Cells
  readonly #faults: PlcFaults
  /** Of jitter. */
  readonly #chance: Chance

  constructor({ unit, identification, cells, faults, chance }: DeviceParts) {
    this.#unit = unit
    this.#identification = identification
    this.#cells = cells
    this.#faults = faults
    this.#chance = chance
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

    const silent = this.#faults.of('silent').find(fault => isOn(fault, request))
    if (silent?.effect === 'lost') return undefined
    const answer = this.#carryOut(request, pdu)
    if (silent) return undefined
    const late = this.#faults.of('latency').find(fault => isOn(fault, request))
    if (!late) return { pdu: answer, delay: 0 }
    return { pdu: answer, delay: late.ms + (late.jitter_ms ?? 0) * this.#chance.next() }
  }

  #takeBroadcast(pdu: Buffer): undefined {
    const request = parseRequest(pdu)
    if (request.kind === 'write' || request.kind === 'mask') this.#carryOut(request, pdu)
  }

  /**
   * A write by another master than those who are connected: it lands as theirs do, if the PLC has the cell and takes
   * it.
   */
  writeAsSecondMaster(table: WritableTable, address: number, value: number): void {
    const request = writeOf(table, address, [value])
    if (!this.#cells.has(table, address, 1)) return
    if (this.#cells.refuses(request) !== undefined) return
    this.#cells.write(request, { secondMaster: true })
  }

  #carryOut(request: ModbusRequest, pdu: Buffer): Buffer {
    const functionCode = pdu.readUInt8(0)
    const exception = this.#faults.of('exception').find(fault => isOn(fault, request))
    if (exception) return exceptionAnswer(functionCode, exception.code)
    switch (request.kind) {
      case 'read':
        return this.#read(request)
      case 'write':
        return this.#write(request) ?? echoAnswer(pdu)
      case 'mask':
        return this.#writeMasked(request) ?? pdu
      case 'exchange':
        return this.#exchange(request)
      case 'identify':
        return identificationAnswer(this.#identification, request)
    }
  }

  #read(request: Extract<Request, { kind: 'read' }>): Buffer {
    const { functionCode, table } = request
    const refusal = this.#refusal(request)
    if (refusal !== undefined) return exceptionAnswer(functionCode, refusal)
    const values = this.#cells.read(request)
    const isBits = table === 'coil' || table === 'discrete-input'
    return isBits ? bitsAnswer(functionCode, values) : registersAnswer(functionCode, values)
  }

  /** undefined when it was carried out; so do the next. */
  #write(request: Extract<Request, { kind: 'write' }>): Buffer | undefined {
    const refusal = this.#refusal(request)
    if (refusal !== undefined) return exceptionAnswer(request.functionCode, refusal)
    this.#cells.write(request)
    return undefined
  }

  #writeMasked({ address, and, or }: MaskWrite): Buffer | undefined {
    const at = { functionCode: 22, table: 'holding-register', address } as const
    // A watchdog that has expired acts before the register is looked at.
    const refusal = this.#refusal({ kind: 'read', ...at, quantity: 1 })
    if (refusal !== undefined) return exceptionAnswer(at.functionCode, refusal)
    const before = this.#cells.get(at.table, address)
    return this.#write({ kind: 'write', ...at, values: [(before & and) | (or & ~and & 0xffff)] })
  }

  /** Nothing is written where the read would be refused. */
  #exchange({ write, read }: Exchange): Buffer {
    const refusal = this.#refusal(read)
    if (refusal !== undefined) return exceptionAnswer(read.functionCode, refusal)
    return this.#write(write) ?? this.#read(read)
  }

  /** The exception code that a request is refused with; undefined where it can be carried out. */
  #refusal(request: Request): number | undefined {
    const quantity = request.kind === 'read' ? request.quantity : request.values.length
    if (!this.#cells.has(request.table, request.address, quantity)) return ILLEGAL_ADDRESS
    return this.#cells.refuses(request)
  }
}

/** Whether a fault concerns a request. What writes and reads is both; who asks for the identification reads. */
function isOn(fault: { readonly on?: Direction | undefined }, { kind }: ModbusRequest): boolean {
  switch (kind) {
    case 'read':
    case 'identify':
      return concerns(fault, 'read')
    case 'write':
    case 'mask':
      return concerns(fault, 'write')
    case 'exchange':
      return true
  }
}
