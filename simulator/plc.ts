import { type Binding, fromCell, toCell } from './binding.ts'
import { ProcessImage } from './image.ts'

/** What the plant file says of a PLC, apart from how it is reached. */
export interface PlcSpec {
  readonly bindings: readonly Binding[]
}

/**
 * A PLC: a process image and a program that a scan runs once. Clients write into the image at any moment; what they
 * wrote reaches the actuators with the next scan, and what the sensors say reaches them with the end of it.
 */
export class Plc {
  readonly image = new ProcessImage()
  readonly #inputs: readonly BoundSignal[]
  readonly #outputs: readonly BoundSignal[]

  constructor({ bindings }: PlcSpec) {
    for (const { table, address, initial } of bindings) this.image.set(table, address, initial)
    const isInput = ({ binding }: BoundSignal) =>
      binding.table === 'discrete-input' || binding.table === 'input-register'
    const bound = bindings.flatMap(binding => (binding.signal ? [{ signal: binding.signal, binding }] : []))
    this.#inputs = bound.filter(isInput)
    this.#outputs = bound.filter(one => !isInput(one))
  }

  /** One scan: takes the sensors' readings and returns the commands for the actuators, both by signal name. */
  scan(readings: ReadonlyMap<string, number>): Map<string, number> {
    const commands = new Map<string, number>()
    for (const { signal, binding } of this.#outputs) {
      commands.set(signal, fromCell(binding, this.image.get(binding.table, binding.address)))
    }
    for (const { signal, binding } of this.#inputs) {
      const reading = readings.get(signal)
      if (reading !== undefined) this.image.set(binding.table, binding.address, toCell(binding, reading))
    }
    return commands
  }
}

interface BoundSignal {
  readonly signal: string
  readonly binding: Binding
}
