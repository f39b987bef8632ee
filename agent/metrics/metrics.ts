import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { ALARM_NAMES, type AlarmName, formOf } from '../../model/alarm.ts'
import type { Severity } from '../../model/alarm-form.ts'
import { REFUSAL_CODES, type RefusalCode } from '../../model/refusal.ts'
import type { Millis } from '../../model/time.ts'
import { TRIP_CAUSES, type TripCause, type TripPhase } from '../../model/trip.ts'
import { type AuditReadable, addAuditGauges } from './audit-gauges.ts'
import { type AddGauge, bit, gaugesIn } from './gauge.ts'

/** What is read at the moment of a scrape. Every value is known without asking a device, the TPM or the disk. */
export interface Readable extends AuditReadable {
  readonly environment: string
  readonly gateway: string
  upFor(): Millis
  /** What keeps commands away from safe from being carried out. */
  troubles(): readonly string[]
  masterKey(): {
    readonly isAvailable: boolean
    readonly generation: number
    readonly age: Millis | undefined
  }
  clock(): {
    readonly isTrusted: boolean
    readonly disagreement: Millis
    readonly isSynchronised: boolean | undefined
  }
  actuators(): readonly { readonly id: string; readonly phase: TripPhase; readonly evidence: number }[]
  devices(): readonly { readonly id: string; readonly isConnected: boolean }[]
  /** The devices that have a watchdog, and whether it runs. */
  watchdogs(): readonly { readonly device: string; readonly isArmed: boolean }[]
  alarms(): readonly { readonly name: AlarmName; readonly severity: Severity; readonly state: string }[]
  suspended(): number
  closedListeners(): number
}

const OUTCOMES = ['verified', 'mismatch', 'unknown', 'refused']
const PHASES: readonly TripPhase[] = ['normal', 'tripping', 'tripped', 'trip-failed', 'resetting']
const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'notice']
const STATES = ['unacknowledged', 'acknowledged', 'cleared', 'latched', 'shelved']

/** Seconds: a stage is a fraction of a millisecond, a valve travels for a minute. */
const STAGE_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120,
]

/** Seconds: a good disk takes a third of a millisecond, slow flash fifty; at five the log counts as unwritable. */
const COMMIT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

/**
 * The agent in numbers, for Prometheus. Labels are names of the configuration and words of closed lists, never of whoever sends
 * something: their number is known when the agent starts, and nothing in them is secret.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #commands: Counter<'actuator' | 'outcome'>
  readonly #duration: Histogram<'outcome'>
  readonly #stages: Histogram<'stage'>
  readonly #authenticated: Counter
  readonly #refusals: Counter<'code'>
  readonly #trips: Counter<'actuator' | 'cause'>
  readonly #raised: Counter<'alarm' | 'severity'>
  readonly #commits: Histogram

  constructor(read: Readable) {
    const gauge = gaugesIn(this.#registry)
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#commands = new Counter({
      name: 'holdfast_commands_total',
      help: 'Commands by how they ended: verified, mismatch, unknown or refused',
      labelNames: ['actuator', 'outcome'],
      registers,
    })
    this.#duration = new Histogram({
      name: 'holdfast_command_duration_seconds',
      help: 'From the arrival of a command to its outcome',
      labelNames: ['outcome'],
      buckets: STAGE_BUCKETS,
      registers,
    })
    this.#stages = new Histogram({
      name: 'holdfast_command_stage_duration_seconds',
      help: 'Time that commands spent in each stage',
      labelNames: ['stage'],
      buckets: STAGE_BUCKETS,
      registers,
    })
    this.#authenticated = new Counter({
      name: 'holdfast_requests_authenticated_total',
      help: 'Requests whose signature was right, fresh and new',
      registers,
    })
    this.#refusals = new Counter({
      name: 'holdfast_refusals_total',
      help: 'Refused requests by the code of the refusal',
      labelNames: ['code'],
      registers,
    })
    this.#trips = new Counter({
      name: 'holdfast_trips_total',
      help: 'Trips by their cause',
      labelNames: ['actuator', 'cause'],
      registers,
    })
    this.#raised = new Counter({
      name: 'holdfast_alarms_raised_total',
      help: 'Alarms that were raised and told',
      labelNames: ['alarm', 'severity'],
      registers,
    })
    this.#commits = new Histogram({
      name: 'holdfast_audit_commit_duration_seconds',
      help: 'How long the disk took for a commit of the audit log',
      buckets: COMMIT_BUCKETS,
      registers,
    })
    gauge('holdfast_info', 'Which gateway this is', ['environment', 'gateway'], () => [
      [1, { environment: read.environment, gateway: read.gateway }],
    ])
    gauge('holdfast_up_seconds', 'How long the agent has run', [], () => [[read.upFor() / 1000]])
    gauge('holdfast_ready', '1 when commands away from safe can be carried out', [], () => [
      [bit(read.troubles().length === 0)],
    ])
    addAuditGauges(gauge, read)
    this.#addKeyAndClock(gauge, read)
    this.#addPlant(gauge, read)
    gauge('holdfast_alarms', 'Alarms that stand', ['severity', 'state'], () => {
      const alarms = read.alarms()
      return SEVERITIES.flatMap(severity =>
        STATES.map(state => {
          const count = alarms.filter(alarm => alarm.severity === severity && alarm.state === state).length
          return [count, { severity, state }] as const
        }),
      )
    })
    gauge('holdfast_identities_suspended', 'Identities that are suspended', [], () => [[read.suspended()]])
    gauge('holdfast_listeners_closed', 'Listeners that attacks have closed', [], () => [
      [read.closedListeners()],
    ])
    this.#begin(read)
  }

  /**
   * Every series begins at 0. One that came with its first event would begin at 1, and `increase` and `rate` would never see
   * that one: the first trip, the first forged signature.
   */
  #begin(read: Readable): void {
    for (const { id } of read.actuators()) {
      for (const outcome of OUTCOMES) this.#commands.inc({ actuator: id, outcome }, 0)
      for (const cause of TRIP_CAUSES) this.#trips.inc({ actuator: id, cause }, 0)
    }
    this.#commands.inc({ actuator: 'unknown', outcome: 'refused' }, 0)
    for (const code of REFUSAL_CODES) this.#refusals.inc({ code }, 0)
    for (const alarm of ALARM_NAMES) {
      const { severity, worst } = formOf(alarm)
      for (const grade of worst ? [severity, worst] : [severity])
        this.#raised.inc({ alarm, severity: grade }, 0)
    }
  }

  /** The text format, and its media type. */
  async text(): Promise<{ readonly text: string; readonly type: string }> {
    return { text: await this.#registry.metrics(), type: this.#registry.contentType }
  }

  stage(stage: string, took: Millis): void {
    this.#stages.observe({ stage }, took / 1000)
  }

  ended(actuator: string, outcome: string, latency: Millis): void {
    this.#commands.inc({ actuator, outcome })
    this.#duration.observe({ outcome }, latency / 1000)
  }

  used(): void {
    this.#authenticated.inc()
  }

  refused(code: RefusalCode): void {
    this.#refusals.inc({ code })
  }

  tripped(actuator: string, cause: TripCause): void {
    this.#trips.inc({ actuator, cause })
  }

  raised(alarm: AlarmName, severity: Severity): void {
    this.#raised.inc({ alarm, severity })
  }

  committed(took: Millis): void {
    this.#commits.observe(took / 1000)
  }

  #addKeyAndClock(gauge: AddGauge, read: Readable): void {
    gauge('holdfast_master_key_available', '1 when signatures can be checked', [], () => [
      [bit(read.masterKey().isAvailable)],
    ])
    gauge('holdfast_master_key_generation', 'The newest generation', [], () => [
      [read.masterKey().generation],
    ])
    gauge('holdfast_master_key_age_seconds', 'Age of the newest generation', [], () => {
      const { age } = read.masterKey()
      return age === undefined ? [] : [[age / 1000]]
    })
    gauge('holdfast_clock_trusted', '1 when the agent knows what time it is', [], () => [
      [bit(read.clock().isTrusted)],
    ])
    gauge('holdfast_clock_disagreement_seconds', "The system's clock against the agent's own", [], () => [
      [read.clock().disagreement / 1000],
    ])
    gauge(
      'holdfast_clock_synchronised',
      '1 when the system says so; absent where it does not say',
      [],
      () => {
        const { isSynchronised } = read.clock()
        return isSynchronised === undefined ? [] : [[bit(isSynchronised)]]
      },
    )
  }

  #addPlant(gauge: AddGauge, read: Readable): void {
    gauge('holdfast_actuator_phase', '1 for the phase that an actuator is in', ['actuator', 'phase'], () =>
      read
        .actuators()
        .flatMap(({ id, phase }) =>
          PHASES.map(other => [bit(other === phase), { actuator: id, phase: other }] as const),
        ),
    )
    gauge('holdfast_evidence_level', 'The fullest bucket of evidence against an actuator', ['actuator'], () =>
      read.actuators().map(({ id, evidence }) => [evidence, { actuator: id }] as const),
    )
    gauge('holdfast_device_connected', '1 when there is a connection to the device', ['device'], () =>
      read.devices().map(({ id, isConnected }) => [bit(isConnected), { device: id }] as const),
    )
    gauge(
      'holdfast_device_watchdog_armed',
      '1 when the device would make the plant safe without this agent; absent where it has no watchdog',
      ['device'],
      () => read.watchdogs().map(({ device, isArmed }) => [bit(isArmed), { device }] as const),
    )
  }
}
