import type { Table } from './image.ts'

/** What ties one cell of the process image to a signal of the process. */
export interface Binding {
  readonly table: Table
  readonly address: number
  /** `<element>.<signal>`. A writable cell without one is plain memory: a heartbeat register, say. */
  readonly signal: string | undefined
  /** cell = signal × scale + offset, rounded. */
  readonly scale: number
  readonly offset: number
  readonly signed: boolean
  /** The cell's value at start, raw. */
  readonly initial: number
  /** The cell's value, raw, while the PLC's watchdog has expired; without one the watchdog decides. */
  readonly fallback?: number | undefined
  /** The input register that shows the fallback, so that a master can compare it with what it expects. */
  readonly fallbackRegister?: number | undefined
}

/** What the cell shows for a signal's value. A register saturates at its ends, as an analogue input card does. */
export function toCell(binding: Binding, value: number): number {
  if (binding.table === 'coil' || binding.table === 'discrete-input') return value >= 0.5 ? 1 : 0
  const raw = Math.round(value * binding.scale + binding.offset)
  if (!binding.signed) return Math.min(Math.max(raw, 0), 0xffff)
  // Two's complement.
  return Math.min(Math.max(raw, -0x8000), 0x7fff) & 0xffff
}

/** The signal's value that a cell stands for. */
export function fromCell(binding: Binding, cell: number): number {
  if (binding.table === 'coil' || binding.table === 'discrete-input') return cell
  const raw = binding.signed && cell > 0x7fff ? cell - 0x10000 : cell
  return (raw - binding.offset) / binding.scale
}
