import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'

/** The stages of a command whose time is taken, in their order. */
export const TIMED_STAGES = [
  'receive',
  'authenticate',
  'authorize',
  'permit',
  'record-intent',
  'actuate',
  'verify',
  'record-outcome',
] as const

export type TimedStage = (typeof TIMED_STAGES)[number]

/** Hears how long commands take and how they end, and can do nothing about it. */
export interface CommandMeter {
  stage(stage: TimedStage, took: Millis): void
  ended(actuator: string, outcome: string, latency: Millis): void
}

/** Says that a stage has ended: what has passed since the one before it is its time. */
export type Lap = (stage: TimedStage) => void

export function startLaps(arrived: MonotonicMs, clock: Clock, meter: CommandMeter | undefined): Lap {
  let began = arrived
  return stage => {
    const now = clock.monotonic()
    meter?.stage(stage, now - began)
    began = now
  }
}
