import type { FaultTargets } from '../faults.ts'
import type { Element } from '../process/process.ts'
import { signalsOf } from '../process/signal.ts'
import { asList, asMapping } from './document.ts'
import { elementForm, kindForm } from './element.ts'
import { faultProblems } from './fault-list.ts'
import { COPIES_MAX } from './plc-form.ts'
import type { Problem } from './problem.ts'
import { addressesOf } from './register-form.ts'
import { direction, type KnownSignals, safeguardProblems } from './safeguard-reference.ts'

/**
 * Checks that what a plant file refers to exists and is of the right kind, that no cell and no command is bound twice,
 * and that levels fit their tank. It looks at the raw document and passes over whatever has no usable shape, so that an
 * engineer hears of a mistyped signal and of a missing key in one go.
 */
export function referenceProblems(document: unknown): Problem[] {
  const raw = asMapping(asMapping(document)?.elements) ?? {}
  const kinds = new Map<string, { kind: Element['kind'] }>()
  const elements: [string, Element][] = []
  for (const [name, value] of Object.entries(raw)) {
    const kind = kindForm.safeParse(asMapping(value)?.kind)
    if (kind.success) kinds.set(name, { kind: kind.data })
    const element = elementForm.safeParse(value)
    if (element.success) elements.push([name, element.data])
  }
  // Nothing is said of a reference to an element of no known kind: that is reported where the element stands.
  const isOdd = (target: string) => {
    const name = target.split('.')[0] ?? ''
    return Object.hasOwn(raw, name) && !kinds.has(name)
  }
  const plcs = plcsIn(asMapping(document))
  const known: KnownSignals = { signals: signalsOf(kinds), isOdd }
  return [
    ...elements.flatMap(([name, element]) => elementProblems(name, element, kinds, isOdd)),
    ...plcProblems(asMapping(document), plcs),
    ...bindingProblems(plcs, known),
    ...plcs.flatMap(({ path, plc }) => safeguardProblems(plc, path, known)),
    ...sensorProblems(document, known),
    ...faultProblems(document, targetsOf(kinds, namesOf(plcs)), isOdd),
  ]
}

type Kinds = ReadonlyMap<string, { readonly kind: Element['kind'] }>
type IsOdd = (target: string) => boolean

function elementProblems(name: string, element: Element, kinds: Kinds, isOdd: IsOdd): Problem[] {
  const piped = (
    key: 'fills' | 'draws_from' | 'cools',
    to: string | undefined,
    kind: Element['kind'],
  ): Problem[] =>
    to === undefined || isOdd(to) || kinds.get(to)?.kind === kind
      ? []
      : [{ path: ['elements', name, key], message: `expected the name of a ${kind}; ${to} is none` }]
  switch (element.kind) {
    case 'valve': {
      const { fills, draws_from } = element
      const isPiped = fills !== undefined || draws_from !== undefined
      return isPiped
        ? [...piped('fills', fills, 'tank'), ...piped('draws_from', draws_from, 'tank')]
        : [
            {
              path: ['elements', name],
              message: 'expected fills, draws_from or both: it is piped to nothing',
            },
          ]
    }
    case 'pump': {
      const { fills, draws_from, cools, curve } = element
      const problems = [
        ...piped('fills', fills, 'tank'),
        ...piped('draws_from', draws_from, 'tank'),
        ...piped('cools', cools, 'cooling-loop'),
      ]
      const path = ['elements', name]
      const moves = fills !== undefined || draws_from !== undefined
      if (moves && curve === undefined)
        problems.push({ path, message: 'expected a curve: it fills or draws from a tank' })
      if (!moves && cools === undefined)
        problems.push({ path, message: 'expected cools, fills or draws_from: it is piped to nothing' })
      return problems
    }
    case 'tank': {
      const { initial_level_m, overflow_level_m, height_m } = element
      const fits = (key: string, level: number, most: number, of: string): Problem[] =>
        level <= most ? [] : [{ path: ['elements', name, key], message: `expected at most ${of}, ${most} m` }]
      return [
        ...fits('overflow_level_m', overflow_level_m, height_m, "the tank's height"),
        ...fits('initial_level_m', initial_level_m, overflow_level_m, "the overflow's level"),
      ]
    }
    case 'cooling-loop':
      return []
  }
}

const TABLES = {
  coils: 'command',
  discrete_inputs: 'measurement',
  holding_registers: 'command',
  input_registers: 'measurement',
} as const

/** A PLC of the raw document, and where it stands. */
interface RawPlc {
  readonly path: readonly PropertyKey[]
  readonly name: string
  readonly plc: Record<string, unknown> | undefined
}

function plcsIn(document: Record<string, unknown> | undefined): RawPlc[] {
  const several = Object.entries(asMapping(document?.plcs) ?? {})
  const one =
    document?.plc === undefined ? [] : [{ path: ['plc'], name: 'plc', plc: asMapping(document.plc) }]
  return [...one, ...several.map(([name, plc]) => ({ path: ['plcs', name], name, plc: asMapping(plc) }))]
}

/** A plant has one PLC or several. */
function plcProblems(document: Record<string, unknown> | undefined, plcs: readonly RawPlc[]): Problem[] {
  const path = ['plc']
  if (document && plcs.length === 0) return [{ path, message: 'is missing: expected a mapping' }]
  const copied = plcs.filter(
    ({ plc }) => plc?.copies !== undefined && asMapping(plc.modbus)?.serial !== undefined,
  )
  if (copied.length > 0) {
    return copied.map(({ path }) => ({
      path: [...path, 'modbus', 'serial'],
      message: 'the copies of a PLC cannot share a serial port',
    }))
  }
  const isBoth = document?.plc !== undefined && document.plcs !== undefined
  return isBoth ? [{ path, message: 'expected plc or plcs, not both' }] : []
}

function namesOf(plcs: readonly RawPlc[]): string[] {
  return plcs.flatMap(({ name, plc }) => {
    const copies = plc?.copies
    if (typeof copies !== 'number' || !Number.isInteger(copies)) return [name]
    return Array.from({ length: Math.min(Math.max(copies, 0), COPIES_MAX) }, (_, i) => `${name}-${i + 1}`)
  })
}

function bindingProblems(plcs: readonly RawPlc[], known: KnownSignals): Problem[] {
  const problems: Problem[] = []
  const commanded = new Set<string>()
  for (const { path: plcPath, plc } of plcs) {
    const modbus = asMapping(plc?.modbus)
    for (const [table, wanted] of Object.entries(TABLES)) {
      const addresses = new Set<unknown>()
      for (const [i, value] of asList(modbus?.[table]).entries()) {
        const { address, signal } = asMapping(value) ?? {}
        const path = [...plcPath, 'modbus', table, i]
        const taken = addressesOf(value, address)
        const twice = taken.find(one => one !== undefined && addresses.has(one))
        if (twice !== undefined) {
          problems.push({ path: [...path, 'address'], message: `address ${twice} is mapped twice` })
        }
        for (const one of taken) addresses.add(one)
        if (typeof signal !== 'string') continue
        const at = [...path, 'signal']
        problems.push(...direction(known, signal, wanted, at))
        if (wanted !== 'command' || known.signals.get(signal) !== 'command') continue
        if (commanded.has(signal)) {
          problems.push({ path: at, message: `${signal} is commanded by another cell too` })
        } else if (plc?.copies !== undefined) {
          problems.push({ path: at, message: `${signal} cannot be commanded by every copy of a PLC` })
        }
        commanded.add(signal)
      }
    }
  }
  return problems
}

function sensorProblems(document: unknown, known: KnownSignals): Problem[] {
  const signals = Object.keys(asMapping(asMapping(document)?.sensors) ?? {})
  return signals.flatMap(signal =>
    direction(known, signal, 'measurement', ['sensors', signal]).map(problem => ({
      ...problem,
      isKey: true,
    })),
  )
}

/** What faults can aim at in a plant of these elements and PLCs. */
export function targetsOf(elements: Kinds, plcs: readonly string[]): FaultTargets {
  const actuators = [...elements].filter(([, { kind }]) => kind === 'valve' || kind === 'pump')
  const measurements = [...signalsOf(elements)].filter(([, direction]) => direction === 'measurement')
  return {
    actuators: new Set(actuators.map(([name]) => name)),
    measurements: new Set(measurements.map(([name]) => name)),
    plcs: new Set(plcs),
  }
}
