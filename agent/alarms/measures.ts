import { type AlarmAbout, type AlarmName, alarmKey } from '../../model/alarm.ts'
import { isWorse, type Severity } from '../../model/alarm-form.ts'
import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import type { Alarms } from './alarms.ts'

/** Something that is beyond its threshold now. */
export interface Finding {
  readonly severity: Severity
  readonly detail: string
  readonly about?: AlarmAbout
}

/** Something that is looked at now and then, with the alarm that it raises. */
export interface Measure {
  readonly name: AlarmName
  readonly every: Millis
  /** What is beyond its threshold. What cannot be measured rejects, and leaves the alarm as it is. */
  find(): readonly Finding[] | Promise<readonly Finding[]>
}

const LOOK_EVERY: Millis = 1000

/**
 * Looks at measures and raises their alarms: when one is first beyond its threshold, and again when it is worse. The alarm is
 * over when the value is back within the warning threshold: one that hovers about the critical one does not ring each time.
 */
export class Measures implements AsyncDisposable {
  readonly #measures: readonly Measure[]
  readonly #alarms: Pick<Alarms, 'raise' | 'clear'>
  readonly #clock: Clock
  readonly #due = new Map<Measure, MonotonicMs>()
  readonly #found = new Map<Measure, ReadonlyMap<string, Finding>>()
  /** What is being measured: a disk that hangs keeps its own measure waiting, and no other. */
  readonly #busy = new Set<Measure>()
  readonly #stop = new AbortController()
  #looking: Promise<void> | undefined

  constructor(measures: readonly Measure[], alarms: Pick<Alarms, 'raise' | 'clear'>, clock: Clock) {
    this.#measures = measures
    this.#alarms = alarms
    this.#clock = clock
  }

  start(): void {
    this.#looking ??= this.#look()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#looking
  }

  async #look(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const now = this.#clock.monotonic()
      for (const measure of this.#measures) {
        if (this.#busy.has(measure) || now < (this.#due.get(measure) ?? Number.NEGATIVE_INFINITY)) continue
        this.#due.set(measure, now + measure.every)
        this.#busy.add(measure)
        void this.#take(measure).finally(() => this.#busy.delete(measure))
      }
      await this.#clock.sleep(LOOK_EVERY, this.#stop.signal)
    }
  }

  async #take(measure: Measure): Promise<void> {
    const { name } = measure
    let findings: readonly Finding[]
    try {
      findings = await measure.find()
    } catch {
      return
    }
    if (this.#stop.signal.aborted) return
    const before = this.#found.get(measure)
    const after = new Map<string, Finding>()
    for (const finding of findings) {
      const key = alarmKey(name, finding.about ?? {})
      const known = before?.get(key)
      const isNews = !known || isWorse(finding.severity, known.severity)
      if (isNews) this.#alarms.raise(name, finding.detail, finding.about, finding.severity)
      after.set(key, isNews ? finding : known)
    }
    for (const [key, { about }] of before ?? [])
      if (!after.has(key)) this.#alarms.clear(name, undefined, about)
    this.#found.set(measure, after)
  }
}
