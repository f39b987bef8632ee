import { FAULT_KINDS } from '../fault.ts'
import { missingKey } from '../faults.ts'
import type { ProcessImage } from '../image.ts'
import { nodesOf } from '../opcua/node.ts'
import { bindingsOf } from '../plant-file/bindings.ts'
import type { Problem } from '../plant-file/problem.ts'
import { targetsOf } from '../plant-file/reference.ts'
import type { PlantSpec } from '../plant-file/schema.ts'
import { Plc } from '../plc/plc.ts'
import { disturbancesOf } from '../process/disturbance.ts'
import { signalsOf } from '../process/signal.ts'
import { cellOf, type ScenarioSpec, type Step } from './schema.ts'

/** Checks that what a scenario names is there in its plant: signals, cells, PLCs, fault targets and disturbances. */
export function scenarioProblems({ steps }: ScenarioSpec, plant: PlantSpec): Problem[] {
  const known = new Known(plant)
  return steps.flatMap((step, i) =>
    known.problems(step).map(({ path, message }) => ({ path: ['steps', i, ...path], message })),
  )
}

class Known {
  readonly #elements: Map<string, PlantSpec['elements'][string]>
  readonly #plcs: readonly string[]
  readonly #images: ReadonlyMap<string, ProcessImage>
  /** The names of the nodes of each PLC that serves OPC UA. */
  readonly #nodes: ReadonlyMap<string, readonly string[]>

  constructor(plant: PlantSpec) {
    this.#elements = new Map(Object.entries(plant.elements))
    this.#plcs = [...plant.plcs.keys()]
    this.#images = new Map(
      [...plant.plcs].map(([name, spec]) => [
        name,
        new Plc({ ...spec, bindings: bindingsOf(spec) }, 0).image,
      ]),
    )
    this.#nodes = new Map(
      [...plant.plcs].flatMap(([name, spec]) => {
        const image = this.#images.get(name)
        if (!spec.opcua || !image) return []
        return [[name, nodesOf(bindingsOf(spec), image, this.#elements).map(node => node.name)]]
      }),
    )
  }

  #node(key: 'write' | 'expect', name: string, plc: string): Problem[] {
    const path = [key, 'node']
    const nodes = this.#nodes.get(plc)
    if (!nodes) return [{ path, message: `${plc} serves no OPC UA: its plant file has no opcua section` }]
    if (nodes.includes(name)) return []
    return [{ path, message: `expected one of ${nodes.join(', ')}; not ${name}` }]
  }

  problems({ write, fault, clear, disturb, expect }: Step): Problem[] {
    const problems: Problem[] = []
    if (fault) {
      const missing = missingKey(fault, targetsOf(this.#elements, this.#plcs))
      if (missing) problems.push({ path: ['fault', missing.key], message: missing.message })
    }
    if (clear !== undefined && clear !== 'all' && !(FAULT_KINDS as readonly string[]).includes(clear)) {
      const message = `expected all or one of ${FAULT_KINDS.join(', ')}; not ${clear}`
      problems.push({ path: ['clear'], message })
    }
    const disturbances = disturbancesOf(this.#elements)
    if (disturb && !disturbances.includes(disturb.signal)) {
      const message = `expected one of ${disturbances.join(', ') || 'nothing'}; not ${disturb.signal}`
      problems.push({ path: ['disturb', 'signal'], message })
    }
    if (write) problems.push(...this.#cell('write', write))
    if (expect) {
      problems.push(...this.#cell('expect', expect))
      for (const key of ['signal', 'shown'] as const) {
        const signal = expect[key]
        if (signal === undefined || signalsOf(this.#elements).get(signal) === 'measurement') continue
        const names = [...signalsOf(this.#elements)].filter(([, is]) => is === 'measurement')
        const message = `expected a measurement: ${names.map(([name]) => name).join(', ')}; not ${signal}`
        problems.push({ path: ['expect', key], message })
      }
    }
    return problems
  }

  #cell(key: 'write' | 'expect', given: NonNullable<Step['write'] | Step['expect']>): Problem[] {
    const [first = ''] = this.#plcs
    const image = this.#images.get(given.plc ?? first)
    if (!image) {
      const message = `no PLC is called ${given.plc}; there is ${this.#plcs.join(', ')}`
      return [{ path: [key, 'plc'], message }]
    }
    if (given.node !== undefined) return this.#node(key, given.node, given.plc ?? first)
    const cell = cellOf(given)
    if (!cell || image.has(cell.table, cell.address, 1)) return []
    const message = `the plant file maps no ${cell.table} ${cell.address}`
    return [{ path: [key, cell.table.replace('-', '_')], message }]
  }
}
