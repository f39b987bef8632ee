import { KeptFile } from '../../keep/kept-file.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { Alarms } from './alarms.ts'
import { type Habit, learn, newHabit } from './habit.ts'

export type HabitFile = KeptFile<Readonly<Record<string, Habit>>>

/** The file of habits. They are only there to notice what is odd: a file that means nothing is begun anew. */
export function habitFile(path: string): HabitFile {
  return new KeptFile(path, json => {
    const entries = typeof json === 'object' && json !== null ? Object.entries(json) : undefined
    return (
      entries && Object.fromEntries(entries.filter((entry): entry is [string, Habit] => isHabit(entry[1])))
    )
  })
}

function isHabit(value: unknown): value is Habit {
  const { since, addresses, hours, hour, busiest } = (value ?? {}) as Partial<Habit>
  const isWhole = Array.isArray(hours) && hours.length === 24 && Array.isArray(busiest)
  return (
    isWhole && typeof since === 'number' && typeof addresses === 'object' && typeof hour?.begins === 'number'
  )
}

/** Subjects whose habits are kept; beyond it those that were used longest ago are forgotten. */
const SUBJECTS_MAX = 1000
const KEEP_EVERY: Millis = 5 * 60_000

/** The habits of everybody whose credentials are used, over restarts. */
export class Habits implements AsyncDisposable {
  readonly #file: HabitFile
  readonly #clock: Clock
  readonly #alarms: Pick<Alarms, 'raise'>
  readonly #habits: Map<string, Habit>
  readonly #stop = new AbortController()
  readonly #keeping: Promise<void>

  constructor(
    file: HabitFile,
    kept: Readonly<Record<string, Habit>>,
    clock: Clock,
    alarms: Pick<Alarms, 'raise'>,
  ) {
    this.#file = file
    this.#clock = clock
    this.#alarms = alarms
    this.#habits = new Map(Object.entries(kept))
    this.#keeping = this.#keep()
  }

  /** Takes in one use of a credential of somebody's, and raises what is odd about it. */
  used(subject: string, credential: string, source: string, isReading = false): void {
    const now = this.#clock.wall()
    const { habit, odd } = learn(this.#habits.get(subject) ?? newHabit(now), source, now, isReading)
    this.#habits.delete(subject)
    this.#habits.set(subject, habit)
    const [oldest] = this.#habits.keys()
    if (this.#habits.size > SUBJECTS_MAX && oldest !== undefined) this.#habits.delete(oldest)
    for (const { name, detail } of odd)
      this.#alarms.raise(name, `${subject}'s credential ${credential} was ${detail}`, {
        identity: `subject ${subject}`,
      })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#keeping
  }

  /** What is lost with a power cut is five minutes of learning. */
  async #keep(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#clock.sleep(KEEP_EVERY, this.#stop.signal)
      // A disk that does not take it has alarms of its own.
      await this.#file.save(Object.fromEntries(this.#habits)).catch(() => {})
    }
  }
}
