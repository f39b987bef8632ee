import type { Millis } from '../../model/time.ts'
import { type Cells, writeOf } from '../cells.ts'
import type { Chance } from '../chance.ts'
import { concerns } from '../fault.ts'
import type { PlcFaults } from '../faults.ts'
import type { WritableTable } from '../image.ts'
import { bitsAnswer, echoAnswer, exceptionAnswer, registersAnswer } from './answer.ts'
import type { Frame } from './frame.ts'
import { GATEWAY_TARGET_FAILED, ILLEGAL_ADDRESS, parseRequest, type Request } from './request.ts'

/** What goes back, and how long after the request came; undefined when nothing ever does. */
export type Reply = { readonly pdu: Buffer; readonly delay: Millis } | undefined

/** The unit id that means all units of a bus. */
const BROADCAST = 0

export interface DeviceParts {
  readonly unit: number
  readonly cells: Cells
  readonly faults: PlcFaults
  /** Where jitter comes from. */
  readonly chance: Chance
}

/** A Modbus device: carries out requests on a PLC's process image, as far as its watchdog and its faults let it. */
export class ModbusDevice {
  readonly #unit: number
  readonly #cells: Cells
  readonly #faults: PlcFaults
  /** Of jitter. */
  readonly #chance: Chance

  constructor({ unit, cells, faults, chance }: DeviceParts) {
    this.#unit = unit
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
    const request = writeOf(table, address, [value])
    if (!this.#cells.has(table, address, 1)) return
    if (this.#cells.refuses(request) !== undefined) return
    this.#cells.write(request, { secondMaster: true })
  }

  #carryOut(request: Request, pdu: Buffer): Buffer {
    const functionCode = pdu.readUInt8(0)
    const exception = this.#faults.of('exception').find(fault => concerns(fault, request.kind))
    if (exception) return exceptionAnswer(functionCode, exception.code)
    const { table, address } = request
    const quantity = request.kind === 'read' ? request.quantity : request.values.length
    if (!this.#cells.has(table, address, quantity)) return exceptionAnswer(functionCode, ILLEGAL_ADDRESS)
    const refusal = this.#cells.refuses(request)
    if (refusal !== undefined) return exceptionAnswer(functionCode, refusal)
    if (request.kind === 'write') {
      this.#cells.write(request)
      return echoAnswer(pdu)
    }
    const values = this.#cells.read(request)
    const isBits = table === 'coil' || table === 'discrete-input'
    return isBits ? bitsAnswer(functionCode, values) : registersAnswer(functionCode, values)
  }
}
