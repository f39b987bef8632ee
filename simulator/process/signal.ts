import type { Element, ElementState, Elements, ProcessState } from './process.ts'
import { isRunning, pumpHead } from './pump.ts'
import { tankLevel } from './tank.ts'

/** A command goes from the PLC to an actuator; a measurement comes from a sensor to the PLC. */
export type SignalDirection = 'command' | 'measurement'

/**
 * What can be wired to the PLC, for each kind of element. A signal's name is `<element>.<signal>`, its value a number
 * in the unit given here; contacts and switches are 0 or 1.
 */
const SIGNALS = {
  valve: {
    /** 0 closed … 1 open. */
    command: 'command',
    /** 0 closed … 1 open. */
    position: 'measurement',
    /** Limit switches. */
    open: 'measurement',
    closed: 'measurement',
    /** Litres a second. */
    flow: 'measurement',
  },
  pump: {
    /** On from 0.5; of a pump with variable speed, 0 … 1. */
    command: 'command',
    /** 0 standstill … 1 full speed. */
    speed: 'measurement',
    /** Speed switch: 1 from nine tenths of full speed. */
    running: 'measurement',
    /** Litres a second. */
    flow: 'measurement',
    /** Metres. */
    head: 'measurement',
  },
  tank: {
    /** Metres. */
    level: 'measurement',
    /** Litres a second. */
    outflow: 'measurement',
    overflow: 'measurement',
  },
  'cooling-loop': {
    /** Degrees Celsius. */
    temperature: 'measurement',
    /** Kilowatts that coolant and surroundings carry off. */
    removed: 'measurement',
  },
} as const satisfies Record<Element['kind'], Record<string, SignalDirection>>

type SignalsOf<Kind extends Element['kind']> = {
  readonly [Name in Measured<(typeof SIGNALS)[Kind]>]: number
}
type Measured<Signals> = {
  [Name in keyof Signals]: Signals[Name] extends 'measurement' ? Name : never
}[keyof Signals]

/** Every signal of some elements by name, with its direction. */
export function signalsOf(
  elements: ReadonlyMap<string, { kind: Element['kind'] }>,
): Map<string, SignalDirection> {
  const signals = new Map<string, SignalDirection>()
  for (const [name, { kind }] of elements) {
    for (const [signal, direction] of Object.entries(SIGNALS[kind]))
      signals.set(`${name}.${signal}`, direction)
  }
  return signals
}

/** The true value of every measurement by name. What the sensors make of it is another matter. */
export function measure(elements: Elements, state: ProcessState): Map<string, number> {
  const values = new Map<string, number>()
  for (const [name, element] of elements) {
    for (const [signal, value] of Object.entries(measureElement(element, state.get(name)))) {
      values.set(`${name}.${signal}`, value)
    }
  }
  return values
}

function measureElement(element: Element, state: ElementState | undefined): Record<string, number> {
  if (element.kind === 'valve' && state?.kind === 'valve') {
    return {
      position: state.position,
      open: state.position === 1 ? 1 : 0,
      closed: state.position === 0 ? 1 : 0,
      flow: state.flow_l_s,
    } satisfies SignalsOf<'valve'>
  }
  if (element.kind === 'pump' && state?.kind === 'pump') {
    return {
      speed: state.speed,
      running: isRunning(state) ? 1 : 0,
      flow: state.flow_l_s,
      head: pumpHead(element, state),
    } satisfies SignalsOf<'pump'>
  }
  if (element.kind === 'tank' && state?.kind === 'tank') {
    const level = tankLevel(element, state)
    return { level, outflow: state.outflow_l_s, overflow: state.overflow_l_s } satisfies SignalsOf<'tank'>
  }
  if (element.kind === 'cooling-loop' && state?.kind === 'cooling-loop') {
    return { temperature: state.temperature_c, removed: state.removed_kw } satisfies SignalsOf<'cooling-loop'>
  }
  return {}
}
