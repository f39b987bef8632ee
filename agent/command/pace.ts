import { Refusal } from '../../model/refusal.ts'
import type { Setpoint } from '../../model/setpoint.ts'
import { formatDuration, type Millis, type MonotonicMs } from '../../model/time.ts'

/** How often and how fast an actuator may be set away from safe, as far as its declaration limits it. */
export interface Pace {
  /** Between two commands away from safe. */
  readonly minimumInterval: Millis | undefined
  /** How often it may leave the safe state in any 60 minutes. */
  readonly cyclesPerHour: number | undefined
  /** Within any `per` the setpoint changes by at most `by`, in the actuator's unit. */
  readonly rateOfChange: { readonly by: number; readonly per: Millis } | undefined
}

/** A setpoint that was written to an actuator, or what its feedback showed when nothing was known. */
export interface Move {
  readonly at: MonotonicMs
  /** In the actuator's unit; null where it has named positions. */
  readonly value: number | null
  /** Whether it is in its safe state with this; also where that cannot be told. */
  readonly isSafe: boolean
  /** False for what was only seen. */
  readonly isWritten: boolean
  /** False when nobody knows whether the device took it. */
  readonly isSure: boolean
}

/** What a move says of a setpoint. */
export function valueIn(setpoint: Setpoint): number | null {
  return typeof setpoint === 'number' ? setpoint : null
}

/** What is known of an actuator's moves, in the order in which they came. */
export interface History {
  readonly moves: readonly Move[]
  /** Nothing is known of what was written before; -Infinity where everything is that matters. */
  readonly knownSince: MonotonicMs
}

const HOUR: Millis = 3_600_000

/** The longest that any limit looks back. */
export const HORIZON: Millis = HOUR

/** Forgets what no limit looks at any more: all before the last sure move that is older than the horizon. */
export function prune({ moves, knownSince }: History, now: MonotonicMs): History {
  return { moves: moves.slice(startOf(moves, now - HORIZON)), knownSince }
}

/** Asks whether an actuator may be set to `value` now. Limits hold for what was written, by the time at which the device had answered. */
export function checkPace(
  id: string,
  pace: Pace,
  history: History,
  value: number | null,
  now: MonotonicMs,
): Refusal | undefined {
  return (
    checkInterval(id, pace, history, now) ??
    checkCycles(id, pace, history, now) ??
    (value === null ? undefined : checkChange(id, pace, history, value, now))
  )
}

function checkInterval(
  id: string,
  { minimumInterval: least }: Pace,
  { moves, knownSince }: History,
  now: MonotonicMs,
): Refusal | undefined {
  if (least === undefined) return undefined
  const last = moves.findLast(({ isWritten, isSafe }) => isWritten && !isSafe)
  if (last && now < last.at + least) {
    const ago = formatDuration(now - last.at)
    return tooSoon(
      `${id} takes ${formatDuration(least)} between two commands away from safe, and the last was ${ago} ago`,
      last.at + least - now,
    )
  }
  return now < knownSince + least ? tooSoon(notKnown(id, 'commanded'), knownSince + least - now) : undefined
}

function checkCycles(
  id: string,
  { cyclesPerHour: most }: Pace,
  { moves, knownSince }: History,
  now: MonotonicMs,
): Refusal | undefined {
  if (most === undefined) return undefined
  const { left, mayBeSafe } = cyclesIn(moves)
  if (!mayBeSafe) return undefined
  const recent = left.filter(at => now < at + HOUR)
  const freeing = recent[recent.length - most]
  if (freeing !== undefined) {
    return tooSoon(
      `${id} may leave its safe state ${most} times in any 60 minutes, and has ${recent.length} times`,
      freeing + HOUR - now,
    )
  }
  return now < knownSince + HOUR ? tooSoon(notKnown(id, 'cycled'), knownSince + HOUR - now) : undefined
}

/** When an actuator left its safe state, and whether it may be in it now. What cannot be told counts against the limit. */
function cyclesIn(moves: readonly Move[]): { left: readonly MonotonicMs[]; mayBeSafe: boolean } {
  const left: MonotonicMs[] = []
  let mayBeSafe = true
  for (const { at, isSafe, isWritten, isSure } of moves) {
    if (isWritten && !isSafe && mayBeSafe) left.push(at)
    if (isSafe) mayBeSafe = true
    else if (isSure) mayBeSafe = false
  }
  return { left, mayBeSafe }
}

function checkChange(
  id: string,
  { rateOfChange }: Pace,
  { moves, knownSince }: History,
  value: number,
  now: MonotonicMs,
): Refusal | undefined {
  if (rateOfChange === undefined) return undefined
  const { by, per } = rateOfChange
  const start = startOf(moves, now - per)
  // What a first feedback showed was so before; before a first write it may have been anywhere.
  const first = moves.findIndex(({ isSure }) => isSure)
  const isSeen = first === 0 && moves[0]?.isWritten === false
  const since = Math.max(knownSince, isSeen ? Number.NEGATIVE_INFINITY : (moves[first]?.at ?? now))
  if (now < since + per) {
    return new Refusal('position-unknown', notKnown(id, 'set'), again(since + per - now), since + per - now)
  }
  const window = moves.slice(start)
  const isFar = (move: Move) => move.value !== null && Math.abs(value - move.value) > by * (1 + SLACK)
  if (!window.some(isFar)) return undefined
  const values = window.flatMap(move => (move.value === null ? [] : [move.value]))
  const [least, most] = [Math.max(...values) - by, Math.min(...values) + by]
  const detail = `${id} changes by at most ${by} in ${formatDuration(per)}; it was ${[...new Set(values)].join(', ')} in that time, and this asks for ${value}`
  const standing = window.slice(startOf(window, now))
  if (!standing.some(isFar)) {
    // Each value that is too far leaves the window when what took its place has stood for all of it.
    const last = window.findLastIndex(isFar)
    const next = window.slice(last + 1).find(({ isSure }) => isSure)
    const wait = (next?.at ?? now) + per - now
    return new Refusal('step-too-large', detail, again(wait), wait)
  }
  return new Refusal(
    'step-too-large',
    detail,
    least <= most
      ? `now it takes ${least} to ${most}; go on from there in steps`
      : standing.length > 1
        ? 'a write was not confirmed, so it may stand at any of these: set it to its safe state first'
        : `go there in steps of ${by}, ${formatDuration(per)} apart`,
  )
}

/** Binary fractions have no 0.1: what a person calls equal differs by less than this part. */
const SLACK = 1e-9

/** Where in `moves` to begin so that everything is there that stood, or may have stood, at `from` or later. */
function startOf(moves: readonly Move[], from: MonotonicMs): number {
  return Math.max(
    0,
    moves.findLastIndex(({ at, isSure }) => isSure && at <= from),
  )
}

function tooSoon(detail: string, wait: Millis): Refusal {
  return new Refusal('too-soon', detail, again(wait), wait)
}

function again(wait: Millis): string {
  return `send it again in ${Math.ceil(wait / 1000)} s`
}

function notKnown(id: string, what: string): string {
  return `what ${id} was ${what} to not long ago is not known`
}
