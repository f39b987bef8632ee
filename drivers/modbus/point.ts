import type { Millis } from '../../model/time.ts'

/** The four Modbus tables (Modbus Application Protocol V1.1b3 §4.3). */
export type ModbusTable = 'coil' | 'discrete-input' | 'holding-register' | 'input-register'

export type NumberType = 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'float32' | 'float64'

/** How many registers a number takes. */
export const REGISTERS: Readonly<Record<NumberType, number>> = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  float32: 2,
  int64: 4,
  uint64: 4,
  float64: 4,
}

/** One point of a Modbus device. Addresses count from 0, as they do on the wire (not 1, 10001, 40001). */
export type ModbusPoint = BitPoint | NumberPoint

interface Point {
  readonly address: number
  /** An output that is set only for so long: written, and cleared to zero after this time. */
  readonly pulse?: Millis
}

export interface BitPoint extends Point {
  readonly table: 'coil' | 'discrete-input'
  /** The function code that writes it: 5 write single coil, 15 write multiple coils. */
  readonly writeFunction: 5 | 15
}

/** A number in registers. Its value is what the registers hold × `scale` + `offset`, in the engineering unit. */
export interface NumberPoint extends Point {
  readonly table: 'holding-register' | 'input-register'
  readonly type: NumberType
  /** Which byte of a register comes first; Modbus itself says big. */
  readonly byteOrder: Order
  /** Which register of a wider number comes first; big is the most significant one. */
  readonly wordOrder: Order
  readonly scale: number
  readonly offset: number
  /** The bits of one register that are this point, side by side; the others belong to somebody else. */
  readonly mask?: number
  /**
   * The function code that writes it: 6 write single register, 16 write multiple registers, 22 mask write register. A masked
   * point with 6 or 16 is read, changed and written: what another master changes in between is lost.
   */
  readonly writeFunction: 6 | 16 | 22
}

export type Order = 'big' | 'little'

/** The addresses that a point takes: of one table, from `address` on, `count` of them. */
export interface Span {
  readonly table: ModbusTable
  readonly address: number
  readonly count: number
}

export function spanOf(point: ModbusPoint): Span {
  const count = isBit(point) ? 1 : REGISTERS[point.type]
  return { table: point.table, address: point.address, count }
}

export function isBit(point: ModbusPoint): point is BitPoint {
  return isBitTable(point.table)
}

export function isBitTable(table: ModbusTable): table is 'coil' | 'discrete-input' {
  return table === 'coil' || table === 'discrete-input'
}

/** Whether a table can be written at all. */
export function isWritable(table: ModbusTable): boolean {
  return table === 'coil' || table === 'holding-register'
}

/** Whether two points share a bit of the same device. */
export function overlap(one: ModbusPoint, other: ModbusPoint): boolean {
  if (one.table !== other.table) return false
  const [a, b] = [spanOf(one), spanOf(other)]
  if (a.address >= b.address + b.count || b.address >= a.address + a.count) return false
  const masks = [one, other].map(point => (isBit(point) ? undefined : point.mask))
  // Two fields of one register that share no bit leave each other alone.
  return masks[0] === undefined || masks[1] === undefined || (masks[0] & masks[1]) !== 0
}

/** Says what a point is, for messages: `coil`, `holding-register`, `holding-register (float32)`. */
export function describePoint(point: ModbusPoint): string {
  if (isBit(point)) return point.table
  if (point.mask !== undefined) return `${point.table} (bits ${point.mask.toString(2)})`
  return point.type === 'uint16' ? point.table : `${point.table} (${point.type})`
}
