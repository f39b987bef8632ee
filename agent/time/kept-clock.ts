import { KeptFile } from '../../keep/kept-file.ts'
import type { Clock, Millis, MonotonicMs, UnixMs } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'

/** Before there was a holdfast. A clock that says so was never set. */
export const EARLIEST: UnixMs = Date.UTC(2026, 0, 1)
/** How far the system's clock may be from ours without being called a step: what slewing and a busy minute make of it. */
export const STEP: Millis = 10_000
/** A step that an operating system which says that it is synchronised is believed at once. */
const BELIEVED_STEP: Millis = 24 * 3_600_000
/** How long we trust our own count. At 50 ppm, a poor crystal, a day is 4 s. */
export const HOLDOVER_MAX: Millis = 24 * 3_600_000
/** How often our clock takes over what the system's was slewed by: bounds how fast it can be led astray in small steps. */
const ADOPT_EVERY: Millis = 60_000

export type ClockState =
  /** Ours and the system's agree. */
  | { readonly kind: 'agreed' }
  /** The system's was set to something else: ours counts on from the last moment that both agreed. */
  | { readonly kind: 'holdover'; readonly disagreement: Millis; readonly since: MonotonicMs }
  /** The system's says a time that has been: the real one is later than `floor`, and nobody knows by how much. */
  | { readonly kind: 'behind'; readonly floor: UnixMs }

/**
 * The agent's own wall clock. It follows the system's while that moves as time does. A step does not move it: it counts on by
 * the monotonic clock, so that nobody makes old credentials young, or forgets revocations, by setting a clock. It never
 * starts before `floor`, the latest time that this gateway has ever known.
 */
export class KeptClock implements Clock {
  readonly #system: Clock
  /** A moment at which our time was known. */
  #anchor: { readonly wall: UnixMs; readonly monotonic: MonotonicMs }
  #state: ClockState
  /** The latest time that was known before this clock began: it is never earlier than that. */
  readonly floor: UnixMs

  /** `known` is the latest time that an earlier run knew, if one did. */
  constructor(system: Clock, known: UnixMs | undefined) {
    this.#system = system
    const floor = Math.max(known ?? 0, EARLIEST)
    this.floor = floor
    const wall = system.wall()
    const isBehind = wall < floor - STEP
    this.#anchor = { wall: isBehind ? floor : wall, monotonic: system.monotonic() }
    this.#state = isBehind ? { kind: 'behind', floor } : { kind: 'agreed' }
  }

  monotonic(): MonotonicMs {
    return this.#system.monotonic()
  }

  sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
    return this.#system.sleep(ms, signal)
  }

  /** Our time. The system's, where both agree. */
  wall(): UnixMs {
    const system = this.#system.wall()
    const now = this.#system.monotonic()
    const elapsed = now - this.#anchor.monotonic
    const own = this.#anchor.wall + elapsed
    if (this.#state.kind === 'behind') {
      // Whatever the system says that has not been yet is nearer to the truth than our floor.
      if (system < own - STEP) return own
      this.#adopt(system, now)
      return system
    }
    if (Math.abs(system - own) <= STEP) {
      this.#state = { kind: 'agreed' }
      if (elapsed >= ADOPT_EVERY) this.#adopt(system, now)
      return system
    }
    const since = this.#state.kind === 'holdover' ? this.#state.since : now
    this.#state = { kind: 'holdover', disagreement: system - own, since }
    return own
  }

  get state(): ClockState {
    this.wall()
    return this.#state
  }

  /**
   * The operating system says that it is synchronised: then a step of less than a day was a correction. Returns whether our
   * time was set to it.
   */
  systemSynchronised(): boolean {
    const { state } = this
    const isCorrection = state.kind === 'holdover' && Math.abs(state.disagreement) <= BELIEVED_STEP
    if (isCorrection) this.accept()
    return isCorrection
  }

  /** Takes the system's time for right, whatever it is. Returns what ours was. */
  accept(): UnixMs {
    const before = this.wall()
    this.#adopt(this.#system.wall(), this.#system.monotonic())
    return before
  }

  /** Why commands away from safe must wait, in words, if they must. */
  get trouble(): string | undefined {
    const { state } = this
    if (state.kind === 'agreed') return undefined
    if (state.kind === 'behind')
      return `the system clock says ${iso(this.#system.wall())}, and it has been ${iso(state.floor)} already`
    const held = this.#system.monotonic() - state.since
    if (held < HOLDOVER_MAX) return undefined
    return `the system clock was set ${describeStep(state.disagreement)} and nobody has confirmed that for ${formatDuration(held)}`
  }

  #adopt(wall: UnixMs, monotonic: MonotonicMs): void {
    this.#anchor = { wall, monotonic }
    this.#state = { kind: 'agreed' }
  }
}

/** A step in words: `2h ahead`. */
export function describeStep(disagreement: Millis): string {
  return `${formatDuration(Math.abs(disagreement))} ${disagreement > 0 ? 'ahead' : 'back'}`
}

/** The file with the latest time that this gateway has known. */
export function floorFile(path: string): KeptFile<{ floor: UnixMs }> {
  return new KeptFile(path, json => {
    const { floor } = (json ?? {}) as { floor?: unknown }
    return typeof floor === 'number' && Number.isSafeInteger(floor) ? { floor } : undefined
  })
}

function iso(at: UnixMs): string {
  return new Date(at).toISOString()
}
