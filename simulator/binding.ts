import type { Table } from './image.ts'
import { endsOf, fromRegisters, type RegisterFormat, toRegisters, WIDTHS } from './register.ts'

/** What ties a coil or a contact, or the registers of one number, to a signal of the process. */
export interface Binding extends RegisterFormat {
  readonly table: Table
  /** Of its first register; the others of its number follow. */
  readonly address: number
  /** `<element>.<signal>`. A writable cell without one is plain memory: a heartbeat register, say. */
  readonly signal: string | undefined
  /** What the registers hold = signal × scale + offset. */
  readonly scale: number
  readonly offset: number
  /** What it holds at start, before scaling. */
  readonly initial: number
  /** What it holds, before scaling, while the PLC's watchdog has expired; without it the watchdog decides. */
  readonly fallback?: number | undefined
  /** The first input register that shows the fallback, so that a master can compare it with what it expects. */
  readonly fallbackRegister?: number | undefined
}

/** Cells of an image, one after the other. */
export interface CellReader {
  get(table: Table, address: number): number
}

/** The one bit of a coil or of a contact. */
export function isBit({ table }: Pick<Binding, 'table'>): boolean {
  return table === 'coil' || table === 'discrete-input'
}

/** How many cells it takes. */
export function widthOf(binding: Binding): number {
  return isBit(binding) ? 1 : WIDTHS[binding.type]
}

/** What its cells hold for a number before scaling, from its address on. */
export function cellsOf(binding: Binding, number: number): readonly number[] {
  return isBit(binding) ? [number] : toRegisters(binding, number)
}

/** What its cells hold for a signal's value. */
export function toCells(binding: Binding, value: number): readonly number[] {
  return isBit(binding)
    ? [value >= 0.5 ? 1 : 0]
    : toRegisters(binding, value * binding.scale + binding.offset)
}

/** The signal's value that its cells stand for; NaN where a float is no number. */
export function fromCells(binding: Binding, cells: readonly number[]): number {
  if (isBit(binding)) return cells[0] ?? 0
  return (fromRegisters(binding, cells) - binding.offset) / binding.scale
}

/** The signal's value that it stands for in an image. */
export function valueIn(image: CellReader, binding: Binding): number {
  const cells: number[] = []
  for (let i = 0; i < widthOf(binding); i++) cells.push(image.get(binding.table, binding.address + i))
  return fromCells(binding, cells)
}

/** From the least to the most that it can stand for, in the signal's unit. */
export function rangeOf(binding: Binding): { readonly low: number; readonly high: number } {
  if (isBit(binding)) return { low: 0, high: 1 }
  const { least, most } = endsOf(binding.type)
  const ends = [least, most].map(number => (number - binding.offset) / binding.scale)
  const within = (end: number) => Math.min(Math.max(end, -Number.MAX_VALUE), Number.MAX_VALUE)
  return { low: within(Math.min(...ends)), high: within(Math.max(...ends)) }
}
