import { type AlarmAbout, type AlarmName, alarmKey, formOf } from '../../model/alarm.ts'
import type { Severity } from '../../model/alarm-form.ts'
import type { AuditEntry } from '../../model/audit.ts'
import type { Clock, Millis, UnixMs } from '../../model/time.ts'
import type { AlarmFile, KeptAlarms } from './alarm-file.ts'
import { Flood, type HeldBack } from './flood.ts'
import { type AlarmEvent, type AlarmNews, priorityIn, type StandingAlarm, stateOf, step } from './standing.ts'

/** Something that happened to an alarm and is to be told. */
export interface AlarmTold {
  readonly news: Exclude<AlarmNews, undefined>
  readonly alarm: StandingAlarm
  /** How it came to be over, in words, where somebody said. */
  readonly over?: string
}

/** Where alarms are told. Nobody of these is waited for. */
export interface AlarmListener {
  /** For the audit log. */
  note(entry: AuditEntry): void
  /** For people: the journal and whatever else delivers. Not called of what is shelved. */
  told(told: AlarmTold): void
  /** So many more raises and ends of a name came than were told one by one. How those alarms are now is told after it. */
  surplus(name: AlarmName, count: number): void
}

/** What a person can do about an alarm. */
export type Attention = Extract<AlarmEvent, { type: 'acknowledged' | 'shelved' | 'unshelved' }>

/** What the record of it has besides. */
type AlarmRecord = { readonly [Member in 'by' | 'detail' | 'reason' | SaidOfRequest]?: string } & {
  readonly created?: number
  readonly latency_ms?: number
}
type SaidOfRequest = 'channel' | 'source' | 'channel_identity' | 'credential' | 'nonce' | 'outcome'

/** Members of a record that say who did it. */
export type RecordOfPerson = AlarmRecord & { readonly by: string }

/** Whether what a standing alarm tells of still goes on, for those that nobody clears. */
export type StillStands = (about: AlarmAbout) => boolean

const LOOK_EVERY: Millis = 1000
/** What changes in a burst is written down once. */
const SOON: Millis = 200
/** What an earlier run left and this one has not raised again in so long is over. */
const SETTLED_AFTER: Millis = 120_000
/** More than this at one time are not told apart: they stand under their name alone. */
const STANDING_MAX = 1000

/** The alarms that stand. Raising never throws, never waits, and works when disk, log and network do not. */
export class Alarms implements AsyncDisposable {
  readonly #file: AlarmFile
  readonly #clock: Clock
  readonly #listener: AlarmListener
  readonly #flood = new Flood()
  readonly #standing = new Map<string, StandingAlarm>()
  /** Those that were last told of as going on: their end is told, flood or no flood. */
  readonly #toldActive: Set<string>
  readonly #stop = new AbortController()
  readonly #began: number
  #next: number
  /** Of an earlier run, and not yet raised again by this one. */
  #inherited: Set<string>
  #stands: Readonly<Partial<Record<AlarmName, StillStands>>> = {}
  #watching: Promise<void> | undefined
  #soon: Promise<void> | undefined
  #isBehind = false

  constructor(file: AlarmFile, kept: KeptAlarms | undefined, clock: Clock, listener: AlarmListener) {
    this.#file = file
    this.#clock = clock
    this.#listener = listener
    this.#began = clock.monotonic()
    this.#next = kept?.next ?? 1
    for (const alarm of kept?.standing ?? []) this.#standing.set(alarmKey(alarm.name, alarm.about), alarm)
    this.#inherited = new Set(this.#standing.keys())
    this.#toldActive = new Set([...this.#standing].flatMap(([key, { active }]) => (active ? [key] : [])))
    for (const alarm of this.#standing.values()) {
      if (alarm.active && !alarm.shelf) this.#tell(() => this.#listener.told({ news: 'raised', alarm }))
    }
  }

  /** Every alarm that stands: by priority, then the newest first. */
  get list(): readonly StandingAlarm[] {
    return [...this.#standing.values()].sort(
      (a, b) => priorityIn(a) - priorityIn(b) || b.last - a.last || b.id - a.id,
    )
  }

  /** Begins to look whether alarms are over: `stands` says it of those names that nobody clears. */
  watch(stands: Readonly<Partial<Record<AlarmName, StillStands>>>): void {
    this.#stands = stands
    this.#watching ??= this.#watch()
  }

  readonly raise = (
    name: AlarmName,
    detail: string,
    about: AlarmAbout = {},
    severity: Severity = formOf(name).severity,
  ): void => {
    const full = this.#standing.size >= STANDING_MAX && !this.#standing.has(alarmKey(name, about))
    const of = full ? {} : about
    const key = alarmKey(name, of)
    const now = this.#clock.wall()
    this.#inherited.delete(key)
    const before = this.#standing.get(key) ?? this.#fresh(name, now)
    this.#take(key, before, { type: 'raised', detail, about: of, severity }, now)
  }

  readonly clear = (name: AlarmName, detail?: string, about: AlarmAbout = {}): void => {
    const key = alarmKey(name, about)
    const alarm = this.#standing.get(key)
    if (alarm)
      this.#take(key, alarm, { type: 'over' }, this.#clock.wall(), detail === undefined ? {} : { detail })
  }

  /** Says that somebody has seen what an alarm of this name is about. */
  see(name: AlarmName, by: string, about: AlarmAbout): void {
    const key = alarmKey(name, about)
    const alarm = this.#standing.get(key)
    if (alarm) this.#take(key, alarm, { type: 'acknowledged', by }, this.#clock.wall(), { by })
  }

  /**
   * Does what a person asks about an alarm: acknowledges it, shelves it or takes it off the shelf. Returns the alarm as it is then,
   * undefined where none of that id stands. `record` is what the audit log has of whoever asked.
   */
  attend(id: number, event: Attention, record: RecordOfPerson): StandingAlarm | undefined {
    const found = [...this.#standing].find(([, alarm]) => alarm.id === id)
    return found && this.#take(found[0], found[1], event, this.#clock.wall(), record)
  }

  /** Resolves when all that was done so far survives a restart. Rejects when the disk will not have it. */
  async kept(): Promise<void> {
    await this.#save()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#watching
    await this.#soon
    for (const held of this.#flood.ended(Number.POSITIVE_INFINITY)) this.#tellHeldBack(held, () => true)
    await this.#save().catch(() => {})
  }

  #fresh(name: AlarmName, now: UnixMs): StandingAlarm {
    const id = this.#next
    this.#next += 1
    const { severity } = formOf(name)
    const none = { active: false, seen: undefined, shelf: undefined, cleared: undefined }
    return { id, name, about: {}, severity, detail: '', count: 0, first: now, last: now, ...none }
  }

  #take(
    key: string,
    before: StandingAlarm,
    event: AlarmEvent,
    now: UnixMs,
    record: AlarmRecord = {},
  ): StandingAlarm {
    const { alarm, news } = step(before, event, now)
    if (stateOf(alarm) === 'normal') this.#standing.delete(key)
    else this.#standing.set(key, alarm)
    if (news === undefined) return alarm
    this.#saveSoon()
    if (this.#isToldNow(key, alarm.name, news)) this.#tellNews(key, news, alarm, record)
    else this.#flood.hold(alarm.name, key, this.#clock.monotonic())
    return alarm
  }

  #isToldNow(key: string, name: AlarmName, news: AlarmTold['news']): boolean {
    switch (news) {
      case 'raised':
        return this.#flood.admits(name, key, this.#clock.monotonic())
      // Whoever was told that it goes on must not believe so for ever. These are no more than the raises that were told.
      case 'cleared':
        return this.#toldActive.has(key)
      // What people do about alarms is no flood.
      case 'acknowledged':
      case 'shelved':
      case 'unshelved':
        return true
    }
  }

  #tellNews(key: string, news: AlarmTold['news'], alarm: StandingAlarm, record: AlarmRecord = {}): void {
    this.#flood.release(alarm.name, key)
    if (alarm.active) this.#toldActive.add(key)
    else this.#toldActive.delete(key)
    this.#tell(() => this.#listener.note(entryOf(news, alarm, record)))
    const isHidden = alarm.shelf !== undefined && news !== 'shelved'
    const over = typeof record.detail === 'string' ? { over: record.detail } : {}
    if (!isHidden) this.#tell(() => this.#listener.told({ news, alarm, ...over }))
  }

  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#clock.sleep(LOOK_EVERY, this.#stop.signal)
      if (this.#stop.signal.aborted) return
      this.#look()
    }
  }

  #look(): void {
    const now = this.#clock.wall()
    const isSettled = this.#clock.monotonic() - this.#began >= SETTLED_AFTER
    for (const [key, alarm] of [...this.#standing]) {
      const { name, about, shelf, active } = alarm
      const off =
        shelf && shelf.until <= now
          ? this.#take(key, alarm, { type: 'unshelved' }, now, { detail: 'its time was over' })
          : alarm
      if (!active || formOf(name).ends !== 'itself') continue
      const stands = this.#stands[name]
      const isOver = stands ? !stands(about) : isSettled && this.#inherited.has(key)
      if (isOver) this.#take(key, off, { type: 'over' }, now)
    }
    const mono = this.#clock.monotonic()
    for (const held of this.#flood.ended(mono))
      this.#tellHeldBack(held, key => this.#flood.admits(held.name, key, mono))
    if (this.#isBehind) this.#saveSoon()
  }

  /** Tells how many were held back, and how each of those alarms is now; what is not admitted waits for another window. */
  #tellHeldBack({ name, count, keys }: HeldBack, admits: (key: string) => boolean): void {
    if (count > 0) {
      this.#tell(() => this.#listener.note({ kind: 'alarms-summarised', alarm: name, count }))
      this.#tell(() => this.#listener.surplus(name, count))
    }
    for (const key of keys) {
      const alarm = this.#standing.get(key)
      if (!alarm) continue
      if (admits(key)) this.#tellNews(key, alarm.active ? 'raised' : 'cleared', alarm)
      else this.#flood.hold(name, key, this.#clock.monotonic(), 'counted')
    }
  }

  /** A listener's mistake must not keep a trip from going on. */
  #tell(listener: () => void): void {
    try {
      listener()
    } catch {
      // What it failed at is not ours to handle; the list has the alarm.
    }
  }

  #saveSoon(): void {
    this.#soon ??= this.#clock.sleep(SOON, this.#stop.signal).then(async () => {
      this.#soon = undefined
      await this.#save().catch(() => {})
    })
  }

  async #save(): Promise<void> {
    this.#isBehind = false
    try {
      await this.#file.save({ next: this.#next, standing: [...this.#standing.values()] })
      this.clear('alarms-not-kept', 'they are written down again')
    } catch (error) {
      this.#isBehind = true
      const key = alarmKey('alarms-not-kept', {})
      if (!this.#standing.get(key)?.active)
        this.raise('alarms-not-kept', `alarms would be forgotten at a restart: ${(error as Error).message}`)
      throw error
    }
  }
}

/** What the audit log has of it. */
function entryOf(
  news: AlarmTold['news'],
  { id, name, about, severity, detail, seen, shelf }: StandingAlarm,
  record: AlarmRecord,
): AuditEntry {
  const of = { alarm: name, alarm_id: id, ...about }
  const { detail: over, ...person } = record
  switch (news) {
    case 'raised':
      return { kind: 'alarm', ...of, severity, detail }
    case 'cleared':
      return { kind: 'alarm-cleared', ...of, ...(over === undefined ? {} : { detail: over }) }
    case 'acknowledged':
      return { kind: 'alarm-acknowledged', ...of, detail, by: seen?.by ?? '', ...person }
    case 'shelved': {
      const { by = '', until = 0, reason = '' } = shelf ?? {}
      return { kind: 'alarm-shelved', ...of, by, reason, until: new Date(until).toISOString(), ...person }
    }
    case 'unshelved':
      return { kind: 'alarm-unshelved', ...of, ...record }
  }
}
