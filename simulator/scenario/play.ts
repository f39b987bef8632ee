import type { Clock, Millis } from '../../model/time.ts'
import type { FaultKind } from '../fault.ts'
import { Plant, type PlantOptions } from '../plant.ts'
import { describeExpectation, look } from './expectation.ts'
import type { Scenario } from './read.ts'
import type { Expectation, Step } from './schema.ts'
import { answerTo, describeWrite } from './write.ts'

/** The time that a scenario is played in. */
export interface Playing extends Omit<PlantOptions, 'clock'> {
  readonly clock: Clock
  /**
   * Lets so much of it pass; with a virtual clock, everything due in it is done before this resolves. In real time it may
   * resolve as soon as `settled` aborts: nothing is waited for any more.
   */
  pass(ms: Millis, settled?: AbortSignal): Promise<void>
}

/** What became of one step. */
export interface StepResult {
  /** Since the start, when it was settled. */
  readonly at: Millis
  /** Where the step stands: `file:line:column`. */
  readonly place: string
  readonly what: string
  readonly passed: boolean
  /** What was found. */
  readonly found?: string
}

/**
 * Plays a scenario from its start to its last expectation. `report` hears of each step as it is settled. Returns
 * whether all passed. Rejects with the system's error when a port cannot be had.
 */
export async function playScenario(
  { spec, plant: plantSpec, places }: Scenario,
  playing: Playing,
  report: (result: StepResult) => void,
): Promise<boolean> {
  await using plant = await Plant.start(plantSpec, { seed: spec.seed, ...playing })
  const start = playing.clock.monotonic()
  const now = () => playing.clock.monotonic() - start
  let hasPassed = true
  const settle = (event: Event, what: string, passed: boolean, found?: string) => {
    hasPassed &&= passed
    const place = places[event.index] ?? ''
    report({ at: now(), place, what, passed, ...(found === undefined ? {} : { found }) })
  }
  const watches = new Set<Watch>()
  const lookAt = (watch: Watch) => {
    const { event, expectation, until } = watch
    const { holds, value } = look(plant, expectation)
    const isWithin = expectation.within !== undefined
    const isOver = now() >= until
    if (holds !== isWithin && !isOver) return
    watches.delete(watch)
    watch.settled.abort()
    settle(
      event,
      `expects ${describeExpectation(expectation)}`,
      holds,
      typeof value === 'number' ? `${Number(value.toPrecision(6))}` : value,
    )
  }
  plant.onScan(() => {
    for (const watch of watches) lookAt(watch)
  })
  const settled = new Map<string, AbortSignal>()
  for (const event of timeline(spec.steps)) {
    const signal = event.kind === 'end' ? settled.get(`${event.index} ${event.nth}`) : undefined
    await playing.pass(Math.max(0, event.at - now()), signal)
    // In real time a wake-up comes when it comes; what was to be seen until then is settled first.
    for (const watch of watches) if (watch.until <= event.at) lookAt(watch)
    if (event.kind === 'end') continue
    const { write, fault, clear, disturb, expect } = event.step
    if (write) {
      const { passed, found } = answerTo(plant, write, event.nth)
      settle(event, describeWrite(write, event.nth), passed, found)
    } else if (fault) {
      await plant.faults.set(fault)
      settle(event, `sets the fault ${JSON.stringify(fault)}`, true)
    } else if (clear !== undefined) {
      await plant.faults.clear(clear === 'all' ? undefined : (clear as FaultKind))
      settle(event, `clears ${clear === 'all' ? 'every fault' : `the fault ${clear}`}`, true)
    } else if (disturb) {
      plant.disturb(disturb.signal, disturb.to)
      settle(event, `sets ${disturb.signal} to ${disturb.to}`, true)
    } else if (expect) {
      const until = event.at + lengthOf(expect)
      const watch = { event, expectation: expect, until, settled: new AbortController() }
      watches.add(watch)
      settled.set(`${event.index} ${event.nth}`, watch.settled.signal)
      lookAt(watch)
    }
  }
  return hasPassed
}

/** An expectation that is not settled yet. */
interface Watch {
  readonly event: Event
  readonly expectation: Expectation
  readonly until: Millis
  readonly settled: AbortController
}

interface Event {
  readonly kind: 'step' | 'end'
  readonly at: Millis
  /** Of the step in its file. */
  readonly index: number
  /** How often it was done before, for a step that is done again and again. */
  readonly nth: number
  readonly step: Step
}

/**
 * All that happens, in the order of time; at the same time, in the order of the file. An expectation's end is an event
 * too.
 */
function timeline(steps: readonly Step[]): Event[] {
  const events = steps.flatMap((step, index) => {
    const { every, until = step.at } = step
    const times = every === undefined ? 1 : Math.max(1, Math.floor((until - step.at) / every) + 1)
    return Array.from({ length: times }, (_, nth): Event[] => {
      const at = step.at + nth * (every ?? 0)
      const begin: Event = { kind: 'step', at, index, nth, step }
      const length = step.expect ? lengthOf(step.expect) : 0
      return length === 0 ? [begin] : [begin, { ...begin, kind: 'end', at: at + length }]
    }).flat()
  })
  return events.sort((a, b) => a.at - b.at || a.index - b.index)
}

function lengthOf({ within, throughout }: Expectation): Millis {
  return within ?? throughout ?? 0
}
