import { type Binding, isBit, rangeOf, widthOf } from '../binding.ts'
import type { ProcessImage } from '../image.ts'
import type { Elements } from '../process/process.ts'
import { type Unit, unitOf } from './unit.ts'

export interface Range {
  readonly low: number
  readonly high: number
}

/** One cell of the process image, or the registers of one number, as an OPC UA client sees it. */
export interface CellNode {
  /** Its identifier: the signal, such as `tank.level`; the cell, such as `holding-register.100`, where it has none. */
  readonly name: string
  readonly binding: Binding
  /**
   * A register with a signal shows its value in the signal's unit; one without is a number as it stands there, and a
   * UInt16 where it is a plain register.
   */
  readonly dataType: 'Boolean' | 'Double' | 'UInt16'
  readonly isWritable: boolean
  readonly unit: Unit | undefined
  /** What the cell can hold, in the unit: the instrument range. */
  readonly holds: Range
  /** What the value is in normal operation: the engineering unit range. */
  readonly usual: Range
}

/** An actuator whose command the PLC has: it can be moved by a call as well. */
export interface Movable {
  readonly element: string
  readonly command: CellNode
}

/**
 * The nodes of a PLC: one for each cell of its image, and one for all registers of a number. A second cell of the same
 * signal is named by its table.
 */
export function nodesOf(
  bindings: readonly Binding[],
  image: ProcessImage,
  elements: Elements,
): readonly CellNode[] {
  const all = [...bindings, ...bindings.flatMap(shownFallback)]
  const byCell = new Map(all.map(binding => [`${binding.table}.${binding.address}`, binding]))
  const named = new Set<string>()
  /** The cells of a number that are not its first. */
  const inside = new Set(
    all.flatMap(binding =>
      Array.from({ length: widthOf(binding) - 1 }, (_, i) => `${binding.table}.${binding.address + 1 + i}`),
    ),
  )
  const cells = image.cells().filter(({ table, address }) => !inside.has(`${table}.${address}`))
  return cells.map(({ table, address }): CellNode => {
    const cell = `${table}.${address}`
    const binding: Binding = byCell.get(cell) ?? { ...PLAIN, table, address }
    const { signal, type } = binding
    const name = signal === undefined || named.has(signal) ? cell : signal
    named.add(name)
    const isContact = isBit(binding)
    const holds = rangeOf(binding)
    return {
      name,
      binding,
      dataType: isContact ? 'Boolean' : signal === undefined && type === 'uint16' ? 'UInt16' : 'Double',
      isWritable: table === 'coil' || table === 'holding-register',
      unit: signal === undefined || isContact ? undefined : unitOf(signal),
      holds,
      usual: (signal === undefined ? undefined : usualOf(signal, elements)) ?? holds,
    }
  })
}

/** A cell that nothing is bound to. */
const PLAIN = {
  signal: undefined,
  type: 'uint16',
  byteOrder: 'big',
  wordOrder: 'big',
  scale: 1,
  offset: 0,
  initial: 0,
} as const

/** The input registers that show what an output falls back to: the same number, as it stands there. */
function shownFallback({ type, byteOrder, wordOrder, fallbackRegister, ...output }: Binding): Binding[] {
  if (fallbackRegister === undefined) return []
  const format = isBit(output) ? {} : { type, byteOrder, wordOrder }
  return [{ ...PLAIN, ...format, table: 'input-register', address: fallbackRegister }]
}

/** The actuators that can be moved by a call. */
export function movablesOf(nodes: readonly CellNode[]): Movable[] {
  return nodes.flatMap(node => {
    const [element, signal] = node.name.split('.')
    return element !== undefined && signal === 'command' ? [{ element, command: node }] : []
  })
}

/** undefined where a plant file does not say: what the register holds is all that is known. */
function usualOf(name: string, elements: Elements): Range | undefined {
  const [element = '', signal = ''] = name.split('.')
  if (['command', 'position', 'speed'].includes(signal)) return { low: 0, high: 1 }
  const of = elements.get(element)
  if (of?.kind === 'tank' && signal === 'level') return { low: 0, high: of.height_m }
  if (of?.kind === 'valve' && signal === 'flow') return { low: 0, high: of.flow_l_s }
  if (of?.kind === 'pump' && signal === 'flow' && of.curve) return { low: 0, high: of.curve.free_flow_l_s }
  if (of?.kind === 'pump' && signal === 'head' && of.curve) return { low: 0, high: of.curve.shutoff_head_m }
  return undefined
}
