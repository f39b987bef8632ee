import { type Repetition, repeat } from '../../model/repetition.ts'
import type { Clock } from '../../model/time.ts'
import type { Alarms } from './alarms.ts'

/** Sites that one message names. Who has many names for one page buries nothing. */
const NAMED_MAX = 4

interface Seen {
  readonly repetition: Repetition
  /** Since it was last told. */
  readonly count: number
  readonly said: ReadonlySet<string>
}

/** Raises the alarm about pages of other sites: one a listener, that names them, ever more rarely while it goes on. */
export class ForeignSites {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #alarms: Pick<Alarms, 'raise'>
  readonly #seen = new Map<string, Seen>()

  constructor(clock: Pick<Clock, 'monotonic'>, alarms: Pick<Alarms, 'raise'>) {
    this.#clock = clock
    this.#alarms = alarms
  }

  /** Takes in one refused request. `said` is what its refusal says of it; `source` the address of the browser. */
  refused(listener: string, said: string, source: string): void {
    const before = this.#seen.get(listener)
    const { isDue, after } = repeat(before?.repetition, this.#clock.monotonic())
    const count = (before?.count ?? 0) + 1
    const all = new Set(before?.said)
    if (all.size < NAMED_MAX) all.add(`${said}, at ${source}`)
    if (isDue) {
      const detail = `${[...all].join('; ')} (${count} such requests over ${listener} that nobody was told of before)`
      this.#alarms.raise('foreign-site', detail, { listener })
    }
    this.#seen.set(
      listener,
      isDue ? { repetition: after, count: 0, said: new Set() } : { repetition: after, count, said: all },
    )
  }
}
