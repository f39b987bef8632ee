import type { Clock, MonotonicMs } from '../model/time.ts'
import type { PlcFaults } from './faults.ts'
import type { Table, WritableTable } from './image.ts'
import type { Request } from './modbus/request.ts'
import type { Plc } from './plc/plc.ts'
import type { Landed } from './plc/watchdog.ts'

/** One value of a write, as it landed in the process image. */
export interface WriteEvent {
  readonly table: WritableTable
  readonly address: number
  /** Raw: a coil is 0 or 1. */
  readonly value: number
  readonly monotonicMs: MonotonicMs
  /** Set when not a client wrote it, but the second master of a fault. */
  readonly secondMaster?: true
  /** Set when it came over OPC UA. */
  readonly opcua?: true
}

type Write = Extract<Request, { kind: 'write' }>
type By = Pick<WriteEvent, 'secondMaster' | 'opcua'>

export interface CellsParts {
  readonly plc: Plc
  readonly faults: PlcFaults
  readonly clock: Clock
  /** Called for each value of a write that lands. */
  landed(event: WriteEvent): void
}

/**
 * A PLC's cells as clients reach them. Whatever wire a request came over, its watchdog sees it, `write-ignored` loses it,
 * and it lands in the same process image.
 */
export class Cells {
  readonly #plc: Plc
  readonly #faults: PlcFaults
  readonly #clock: Clock
  readonly #landed: (event: WriteEvent) => void

  constructor({ plc, faults, clock, landed }: CellsParts) {
    this.#plc = plc
    this.#faults = faults
    this.#clock = clock
    this.#landed = landed
  }

  /** Whether all of `quantity` cells from `address` on are there. */
  has(table: Table, address: number, quantity: number): boolean {
    return this.#plc.image.has(table, address, quantity)
  }

  /** The exception code that the PLC's watchdog refuses a request with; undefined lets it pass. */
  refuses(request: Request): number | undefined {
    return this.#plc.refuses(request, this.#clock.monotonic())
  }

  /** What a cell holds, without a request. Throws RangeError when there is none. */
  get(table: Table, address: number): number {
    return this.#plc.image.get(table, address)
  }

  /** Carries out a read, of cells that are there. */
  read(request: Extract<Request, { kind: 'read' }>): number[] {
    this.#plc.saw(request, [], this.#clock.monotonic())
    const { table, address, quantity } = request
    return Array.from({ length: quantity }, (_, i) => this.get(table, address + i))
  }

  /** Carries out a write. All of it lands before anyone hears of any of it: nobody ever sees half of one. */
  write(request: Write, by: By = {}): void {
    const now = this.#clock.monotonic()
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

/** The request that writes a coil or the registers of a number, as Modbus has it: what a watchdog looks at. */
export function writeOf(table: WritableTable, address: number, values: readonly number[]): Write {
  if (table === 'coil')
    return { kind: 'write', functionCode: 5, table, address, values: values.map(value => Math.min(value, 1)) }
  return { kind: 'write', functionCode: values.length === 1 ? 6 : 16, table, address, values }
}
