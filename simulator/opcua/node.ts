import { type Binding, fromCell } from '../binding.ts'
import type { ProcessImage } from '../image.ts'
import type { Elements } from '../process/process.ts'
import { type Unit, unitOf } from './unit.ts'

export interface Range {
  readonly low: number
  readonly high: number
}

/** One cell of the process image as an OPC UA client sees it. */
export interface CellNode {
  /** Its identifier: the signal, such as `tank.level`; the cell, such as `holding-register.100`, where it has none. */
  readonly name: string
  readonly binding: Binding
  /** A register with a signal shows its value in the signal's unit; one without is a raw number. */
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

/** The nodes of a PLC: one for each cell of its image. A second cell of the same signal is named by its table. */
export function nodesOf(
  bindings: readonly Binding[],
  image: ProcessImage,
  elements: Elements,
): readonly CellNode[] {
  const byCell = new Map(bindings.map(binding => [`${binding.table}.${binding.address}`, binding]))
  const named = new Set<string>()
  return image.cells().map(({ table, address }): CellNode => {
    const cell = `${table}.${address}`
    const plain = { table, address, signal: undefined, scale: 1, offset: 0, signed: false, initial: 0 }
    const binding: Binding = byCell.get(cell) ?? plain
    const { signal } = binding
    const name = signal === undefined || named.has(signal) ? cell : signal
    named.add(name)
    const isBit = table === 'coil' || table === 'discrete-input'
    const holds = isBit ? { low: 0, high: 1 } : rangeOf(binding)
    return {
      name,
      binding,
      dataType: isBit ? 'Boolean' : signal === undefined ? 'UInt16' : 'Double',
      isWritable: table === 'coil' || table === 'holding-register',
      unit: signal === undefined || isBit ? undefined : unitOf(signal),
      holds,
      usual: (signal === undefined ? undefined : usualOf(signal, elements)) ?? holds,
    }
  })
}

/** The actuators that can be moved by a call. */
export function movablesOf(nodes: readonly CellNode[]): Movable[] {
  return nodes.flatMap(node => {
    const [element, signal] = node.name.split('.')
    return element !== undefined && signal === 'command' ? [{ element, command: node }] : []
  })
}

/** From the least to the most that a register's sixteen bits stand for. */
function rangeOf(binding: Binding): Range {
  const ends = binding.signed ? [0x8000, 0x7fff] : [0, 0xffff]
  const values = ends.map(cell => fromCell(binding, cell))
  return { low: Math.min(...values), high: Math.max(...values) }
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
