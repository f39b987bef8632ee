import type { Clock, UnixMs } from '../../model/time.ts'
import { isBit, toCells, valueIn, widthOf } from '../binding.ts'
import { type Cells, writeOf } from '../cells.ts'
import { concerns } from '../fault.ts'
import type { PlcFaults } from '../faults.ts'
import type { CellNode } from './node.ts'
import { type Status, statusOfException } from './status.ts'

/** What a node shows. */
export interface NodeValue {
  readonly status: Status
  /** In the unit; of a contact 0 or 1. None where the status is bad. */
  readonly value: number | undefined
  /** When the PLC got it: from its sensor, or from whoever wrote it. */
  readonly at: UnixMs
}

export interface OpcUaDeviceParts {
  readonly cells: Cells
  readonly faults: PlcFaults
  readonly clock: Clock
}

/** A PLC as OPC UA shows it: the same cells that Modbus shows, as values with a quality and a time. */
export class OpcUaDevice {
  readonly #cells: Cells
  readonly #faults: PlcFaults
  readonly #clock: Clock
  #scannedAt: UnixMs
  /** When the sensors that give nothing new gave something last, by signal. */
  readonly #stale = new Map<string, UnixMs>()
  /** When a cell that clients can write was written last, by table and address. */
  readonly #writtenAt = new Map<string, UnixMs>()
  readonly #startedAt: UnixMs

  constructor({ cells, faults, clock }: OpcUaDeviceParts) {
    this.#cells = cells
    this.#faults = faults
    this.#clock = clock
    this.#startedAt = clock.wall()
    this.#scannedAt = this.#startedAt
  }

  /** A scan is over: the inputs are of now, but for those of sensors that give nothing new. */
  scanned(): void {
    const silent = new Set(
      [...this.#faults.of('feedback-frozen'), ...this.#faults.of('sensor-failed')].map(
        ({ signal }) => signal,
      ),
    )
    for (const signal of this.#stale.keys()) if (!silent.has(signal)) this.#stale.delete(signal)
    for (const signal of silent) if (!this.#stale.has(signal)) this.#stale.set(signal, this.#scannedAt)
    this.#scannedAt = this.#clock.wall()
  }

  /** A write landed in a cell, whoever it is from. */
  landed(table: string, address: number): void {
    this.#writtenAt.set(`${table}.${address}`, this.#clock.wall())
  }

  read({ binding, isWritable }: CellNode): NodeValue {
    const { table, address, signal } = binding
    const quantity = widthOf(binding)
    const at = isWritable
      ? this.#lastWritten(table, address, quantity)
      : (this.#stale.get(signal ?? '') ?? this.#scannedAt)
    const exception = this.#faults.of('exception').find(fault => concerns(fault, 'read'))
    if (exception) return { status: statusOfException(exception.code), value: undefined, at }
    const functionCode = { coil: 1, 'discrete-input': 2, 'holding-register': 3, 'input-register': 4 }[table]
    const refusal = this.#cells.refuses({ kind: 'read', functionCode, table, address, quantity })
    if (refusal !== undefined) return { status: statusOfException(refusal), value: undefined, at }
    const failed = this.#faults.of('sensor-failed').find(fault => !isWritable && fault.signal === signal)
    if (failed && failed.quality !== 'uncertain') return { status: 'BadSensorFailure', value: undefined, at }
    const value = valueIn(this.#cells, binding)
    return { status: failed ? 'UncertainLastUsableValue' : 'Good', value, at }
  }

  /** When somebody last wrote one of its cells. */
  #lastWritten(table: string, address: number, quantity: number): UnixMs {
    let at = this.#startedAt
    for (let i = 0; i < quantity; i++) at = Math.max(at, this.#writtenAt.get(`${table}.${address + i}`) ?? at)
    return at
  }

  /** Writes a value in the node's unit: it lands in the image as one over Modbus does, and acts with the next scan. */
  write({ binding, isWritable, holds }: CellNode, value: number): Status {
    const { table, address } = binding
    if (!isWritable || table === 'discrete-input' || table === 'input-register') return 'BadNotWritable'
    const exception = this.#faults.of('exception').find(fault => concerns(fault, 'write'))
    if (exception) return statusOfException(exception.code)
    if (!(value >= holds.low && value <= holds.high)) return 'BadOutOfRange'
    // A contact is not half closed.
    if (isBit(binding) && !Number.isInteger(value)) return 'BadOutOfRange'
    const request = writeOf(table, address, toCells(binding, value))
    const refusal = this.#cells.refuses(request)
    if (refusal !== undefined) return statusOfException(refusal)
    this.#cells.write(request, { opcua: true })
    return 'Good'
  }
}
