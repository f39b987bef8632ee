import type { Millis } from '../../model/time.ts'
import { type CoolingLoopSpec, type CoolingLoopState, stepCoolingLoop } from './cooling-loop.ts'
import { circulation, type PumpSpec, type PumpState, pumpFlow, stepPump } from './pump.ts'
import { litresAt, stepTank, type TankSpec, type TankState } from './tank.ts'
import { stepValve, type ValveSpec, type ValveState, valveFlow } from './valve.ts'

/** Where an actuator's water comes from and goes to: a tank by its name, or else the world outside. */
export interface Piping {
  readonly draws_from?: string | undefined
  readonly fills?: string | undefined
}

/** One element of the process as the plant file declares it: its data sheet, its start and what it is piped to. */
export type Element =
  | ({ readonly kind: 'valve'; readonly initial_position: number } & Piping & ValveSpec)
  | ({
      readonly kind: 'pump'
      readonly cools?: string | undefined
      readonly initially_running: boolean
      /** Whether its command is a speed, 0 … 1, and not on or off. */
      readonly variable_speed: boolean
    } & Piping &
      PumpSpec)
  | ({ readonly kind: 'tank'; readonly initial_level_m: number } & TankSpec)
  | ({ readonly kind: 'cooling-loop'; readonly initial_temperature_c: number } & CoolingLoopSpec)

/** Mean flow over the last step, as far as there was water. */
interface Flowing {
  readonly flow_l_s: number
}

export type ElementState =
  | ({ readonly kind: 'valve' } & ValveState & Flowing)
  | ({ readonly kind: 'pump' } & PumpState & Flowing)
  | ({ readonly kind: 'tank' } & TankState)
  | ({ readonly kind: 'cooling-loop' } & CoolingLoopState)

export type Elements = ReadonlyMap<string, Element>
export type ProcessState = ReadonlyMap<string, ElementState>

/** What an actuator is driven to, and how much slower than its data sheet it moves (1: not at all). */
export interface Drive {
  readonly target: number
  readonly slowness: number
}

/** The process as the plant file starts it: every actuator at rest. */
export function initialProcess(elements: Elements): ProcessState {
  return new Map([...elements].map(([name, element]) => [name, initialElement(element)]))
}

function initialElement(element: Element): ElementState {
  switch (element.kind) {
    case 'valve': {
      const state = { position: element.initial_position }
      return { kind: 'valve', ...state, flow_l_s: valveFlow(element, state) }
    }
    case 'pump': {
      const state = { speed: element.initially_running ? 1 : 0 }
      return { kind: 'pump', ...state, flow_l_s: pumpFlow(element, state) }
    }
    case 'tank': {
      const litres = litresAt(element, element.initial_level_m)
      return { kind: 'tank', litres, outflow_l_s: 0, overflow_l_s: 0 }
    }
    case 'cooling-loop':
      return { kind: 'cooling-loop', temperature_c: element.initial_temperature_c, removed_kw: 0 }
  }
}

/**
 * Moves the whole process on by `dt`. Each actuator goes towards its drive, or stays where it has none; vessels then
 * see the mean of what flowed before and after, which is exact for a stroke at constant speed. What is drawn from a
 * tank is limited to what was in it, in proportion for all who draw; so nothing is made and nothing is lost.
 */
export function stepProcess(
  elements: Elements,
  state: ProcessState,
  drives: ReadonlyMap<string, Drive>,
  dt: Millis,
): ProcessState {
  const next = new Map<string, ElementState>()
  const circulating = new Map<string, number>()
  const wanted = new Map<string, number>()
  for (const [name, element] of elements) {
    const before = state.get(name)
    const drive = drives.get(name)
    if (element.kind === 'valve' && before?.kind === 'valve') {
      const after = drive ? stepValve(element, before, drive.target, dt / drive.slowness) : before
      const flow_l_s = (valveFlow(element, before) + valveFlow(element, after)) / 2
      next.set(name, { kind: 'valve', position: after.position, flow_l_s })
      if (element.draws_from !== undefined) add(wanted, element.draws_from, flow_l_s)
    } else if (element.kind === 'pump' && before?.kind === 'pump') {
      const after = drive ? stepPump(element, before, drive.target, dt / drive.slowness) : before
      const flow_l_s = (pumpFlow(element, before) + pumpFlow(element, after)) / 2
      next.set(name, { kind: 'pump', speed: after.speed, flow_l_s })
      if (element.draws_from !== undefined) add(wanted, element.draws_from, flow_l_s)
      const mean = (circulation(element, before) + circulation(element, after)) / 2
      if (element.cools !== undefined) add(circulating, element.cools, mean)
    }
  }
  const { inflow, drawn } = pipe(elements, state, next, wanted, dt)
  for (const [name, element] of elements) {
    const before = state.get(name)
    if (element.kind === 'tank' && before?.kind === 'tank') {
      const litres = Math.max(0, before.litres - ((drawn.get(name) ?? 0) * dt) / 1000)
      const after = stepTank(element, { ...before, litres }, inflow.get(name) ?? 0, dt)
      next.set(name, { kind: 'tank', ...after })
    } else if (element.kind === 'cooling-loop' && before?.kind === 'cooling-loop') {
      const after = stepCoolingLoop(element, before, circulating.get(name) ?? 0, dt)
      next.set(name, { kind: 'cooling-loop', ...after })
    }
  }
  return next
}

/**
 * Cuts each flow down to what its tank can give, in `next` too; returns what enters and leaves each tank by valves and
 * pumps.
 */
function pipe(
  elements: Elements,
  state: ProcessState,
  next: Map<string, ElementState>,
  wanted: ReadonlyMap<string, number>,
  dt: Millis,
): { inflow: ReadonlyMap<string, number>; drawn: ReadonlyMap<string, number> } {
  const inflow = new Map<string, number>()
  const drawn = new Map<string, number>()
  for (const [name, element] of elements) {
    const actuator = next.get(name)
    if (element.kind !== 'valve' && element.kind !== 'pump') continue
    if (actuator?.kind !== 'valve' && actuator?.kind !== 'pump') continue
    let { flow_l_s } = actuator
    if (element.draws_from !== undefined) {
      const source = state.get(element.draws_from)
      const most_l_s = source?.kind === 'tank' ? (source.litres * 1000) / dt : 0
      const all_l_s = wanted.get(element.draws_from) ?? 0
      if (all_l_s > most_l_s) flow_l_s *= most_l_s / all_l_s
      add(drawn, element.draws_from, flow_l_s)
      next.set(name, { ...actuator, flow_l_s })
    }
    if (element.fills !== undefined) add(inflow, element.fills, flow_l_s)
  }
  return { inflow, drawn }
}

function add(totals: Map<string, number>, name: string, amount: number): void {
  totals.set(name, (totals.get(name) ?? 0) + amount)
}
