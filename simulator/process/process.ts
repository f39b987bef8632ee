import type { Millis } from '../../model/time.ts'
import { type CoolingLoopSpec, type CoolingLoopState, stepCoolingLoop } from './cooling-loop.ts'
import { type PumpSpec, type PumpState, stepPump } from './pump.ts'
import { litresAt, stepTank, type TankSpec, type TankState } from './tank.ts'
import { stepValve, type ValveSpec, type ValveState, valveFlow } from './valve.ts'

/** One element of the process as the plant file declares it: its data sheet, its start and what it is piped to. */
export type Element =
  | ({ readonly kind: 'valve'; readonly fills: string; readonly initial_position: number } & ValveSpec)
  | ({ readonly kind: 'pump'; readonly cools: string; readonly initially_running: boolean } & PumpSpec)
  | ({ readonly kind: 'tank'; readonly initial_level_m: number } & TankSpec)
  | ({ readonly kind: 'cooling-loop'; readonly initial_temperature_c: number } & CoolingLoopSpec)

export type ElementState =
  | ({ readonly kind: 'valve' } & ValveState)
  | ({ readonly kind: 'pump' } & PumpState)
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
    case 'valve':
      return { kind: 'valve', position: element.initial_position }
    case 'pump':
      return { kind: 'pump', speed: element.initially_running ? 1 : 0 }
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
 * see the mean of what flowed before and after, which is exact for a stroke at constant speed.
 */
export function stepProcess(
  elements: Elements,
  state: ProcessState,
  drives: ReadonlyMap<string, Drive>,
  dt: Millis,
): ProcessState {
  const inflow = new Map<string, number>()
  const circulation = new Map<string, number>()
  const next = new Map<string, ElementState>()
  for (const [name, element] of elements) {
    const before = state.get(name)
    const drive = drives.get(name)
    if (element.kind === 'valve' && before?.kind === 'valve') {
      const after = drive ? stepValve(element, before, drive.target, dt / drive.slowness) : before
      next.set(name, { kind: 'valve', position: after.position })
      add(inflow, element.fills, (valveFlow(element, before) + valveFlow(element, after)) / 2)
    } else if (element.kind === 'pump' && before?.kind === 'pump') {
      const after = drive ? stepPump(element, before, drive.target, dt / drive.slowness) : before
      next.set(name, { kind: 'pump', speed: after.speed })
      add(circulation, element.cools, (before.speed + after.speed) / 2)
    }
  }
  for (const [name, element] of elements) {
    const before = state.get(name)
    if (element.kind === 'tank' && before?.kind === 'tank') {
      next.set(name, { kind: 'tank', ...stepTank(element, before, inflow.get(name) ?? 0, dt) })
    } else if (element.kind === 'cooling-loop' && before?.kind === 'cooling-loop') {
      const after = stepCoolingLoop(element, before, circulation.get(name) ?? 0, dt)
      next.set(name, { kind: 'cooling-loop', ...after })
    }
  }
  return next
}

function add(totals: Map<string, number>, name: string, amount: number): void {
  totals.set(name, (totals.get(name) ?? 0) + amount)
}
