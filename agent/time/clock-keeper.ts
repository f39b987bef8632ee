import type { KeptFile } from '../../keep/kept-file.ts'
import type { Millis, UnixMs } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import { describeStep, type KeptClock } from './kept-clock.ts'

const LOOK_EVERY: Millis = 1000
const ASK_EVERY: Millis = 60_000
/** While ours and the system's disagree. */
const ASK_OFTEN: Millis = 10_000
const KEEP_EVERY: Millis = 60_000
/** A host that has just started needs a while. */
const UNSYNCHRONISED_AFTER: Millis = 15 * 60_000

/** What the clock's keeper tells the rest of the agent. */
export interface ClockListener {
  alarm(name: ClockAlarm, detail: string): void
  cleared(name: ClockAlarm, detail: string): void
  /** Our time was set to the system's: what depends on it has to look again. */
  adopted(): Promise<void>
}

type ClockAlarm = 'clock-stepped' | 'clock-behind' | 'clock-unsynchronised' | 'clock-not-kept'

/** Watches the agent's clock: notices steps, asks the system whether it is synchronised, and keeps the floor over restarts. */
export class ClockKeeper implements AsyncDisposable {
  readonly #clock: KeptClock
  readonly #file: KeptFile<{ floor: UnixMs }>
  readonly #ask: () => Promise<boolean | undefined>
  readonly #listener: ClockListener
  readonly #stop = new AbortController()
  readonly #looking: Promise<void>
  #synchronised: boolean | undefined
  /** The alarm that stands for what our clock and the system's make of each other, if one does. */
  #told: 'clock-stepped' | 'clock-behind' | undefined
  #toldUnsynchronised = false
  #isKept = true
  #keeping: Promise<unknown> | undefined

  constructor(
    clock: KeptClock,
    file: KeptFile<{ floor: UnixMs }>,
    ask: () => Promise<boolean | undefined>,
    listener: ClockListener,
  ) {
    this.#clock = clock
    this.#file = file
    this.#ask = ask
    this.#listener = listener
    this.#looking = this.#look()
  }

  /** Whether the operating system says that its clock is synchronised; undefined where it does not say. */
  get synchronised(): boolean | undefined {
    return this.#synchronised
  }

  /** Takes the system's time for right, for whoever said so, and keeps it as the new floor. Returns what ours was. */
  async accept(): Promise<UnixMs> {
    const before = this.#clock.accept()
    this.#tell()
    await this.#keep()
    await this.#listener.adopted()
    return before
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#looking
    await this.#keeping
    await this.#keep()
  }

  async #look(): Promise<void> {
    const began = this.#clock.monotonic()
    let asked = Number.NEGATIVE_INFINITY
    let kept = began
    while (!this.#stop.signal.aborted) {
      const now = this.#clock.monotonic()
      const agrees = this.#clock.state.kind === 'agreed'
      const isNews = !agrees && this.#told === undefined
      this.#tell()
      // After a step an answer from before it says nothing.
      if (isNews || now - asked >= (agrees ? ASK_EVERY : ASK_OFTEN)) {
        asked = now
        this.#synchronised = await this.#ask().catch(() => undefined)
        const isAdopted = this.#synchronised === true && this.#clock.systemSynchronised()
        this.#tell()
        if (isAdopted) await this.#listener.adopted()
      }
      this.#tellSynchronised(now - began)
      if (now - kept >= KEEP_EVERY) {
        kept = now
        this.#keeping = Promise.all([this.#keeping, this.#keep()])
      }
      await this.#clock.sleep(LOOK_EVERY, this.#stop.signal)
    }
  }

  #tell(): void {
    const { state, trouble } = this.#clock
    // A step that nobody has confirmed for a day keeps commands waiting, as a time that has been already does.
    const due =
      trouble !== undefined ? 'clock-behind' : state.kind === 'holdover' ? 'clock-stepped' : undefined
    if (due === this.#told) return
    if (this.#told !== undefined)
      this.#listener.cleared(this.#told, trouble ?? `it is ${new Date(this.#clock.wall()).toISOString()}`)
    this.#told = due
    if (trouble !== undefined)
      this.#listener.alarm(
        'clock-behind',
        `${trouble}; set the clock, or when it is right: holdfast clock accept`,
      )
    else if (state.kind === 'holdover')
      this.#listener.alarm(
        'clock-stepped',
        `the system clock was set ${describeStep(state.disagreement)}; the agent counts on by itself. When the new time is right: holdfast clock accept`,
      )
  }

  #tellSynchronised(up: Millis): void {
    const isLost = this.#synchronised === false && up >= UNSYNCHRONISED_AFTER
    if (isLost === this.#toldUnsynchronised) return
    this.#toldUnsynchronised = isLost
    if (isLost) {
      const since = formatDuration(UNSYNCHRONISED_AFTER)
      this.#listener.alarm('clock-unsynchronised', `nothing has synchronised the system clock for ${since}`)
    } else this.#listener.cleared('clock-unsynchronised', 'the system clock is synchronised')
  }

  /** A floor is only raised by a time that we trust. */
  async #keep(): Promise<void> {
    if (this.#clock.state.kind !== 'agreed') return
    const trouble = await this.#file.save({ floor: Math.floor(this.#clock.wall()) }).then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (trouble !== undefined && this.#isKept)
      this.#listener.alarm('clock-not-kept', `the time would be forgotten at a restart: ${trouble}`)
    if (trouble === undefined && !this.#isKept)
      this.#listener.cleared('clock-not-kept', 'the time is written down again')
    this.#isKept = trouble === undefined
  }
}
