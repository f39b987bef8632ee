import { isIP } from 'node:net'
import type { AuditKind } from '../../../model/audit.ts'
import { plainJsonText } from '../../../model/plain.ts'
import { type Event, textOf } from './event.ts'
import type { Severity } from './severity.ts'

/** The version of the schema that these events follow. */
const SCHEMA = '1.3.0'

/** `severity_id`: Informational, Low, Medium, High, Critical. */
const LEVELS: Readonly<Record<Severity, number>> = {
  information: 1,
  notice: 2,
  warning: 3,
  error: 4,
  critical: 5,
}

/** `status_id`: Success, Failure, and Other for what nobody knows. */
const STATUSES: ReadonlyMap<unknown, number> = new Map([
  ['verified', 1],
  ['accepted', 1],
  ['mismatch', 2],
  ['refused', 2],
  ['unknown', 99],
])

type Activity = readonly [id: number, name: string]

/** Classes of the schema: API Activity, Detection Finding, Application Lifecycle. */
const API = { uid: 6003, category: 6, name: 'API Activity', form: apiMembers } as const
const FINDING = { uid: 2004, category: 2, name: 'Detection Finding', form: findingMembers } as const
const LIFECYCLE = { uid: 6002, category: 6, name: 'Application Lifecycle', form: lifecycleMembers } as const

type Class = typeof API | typeof FINDING | typeof LIFECYCLE

/** What each kind is over there. A kind that is not here is an API activity of another sort. */
const MAPPING: Readonly<Partial<Record<AuditKind, readonly [Class, Activity]>>> = {
  'log-created': [LIFECYCLE, [1, 'Install']],
  enrolled: [LIFECYCLE, [1, 'Install']],
  'agent-started': [LIFECYCLE, [3, 'Start']],
  'agent-stopped': [LIFECYCLE, [4, 'Stop']],
  'key-retired': [LIFECYCLE, [99, 'Key retired']],
  approval: [API, [3, 'Update']],
  'command-intent': [API, [3, 'Update']],
  'command-outcome': [API, [3, 'Update']],
  reset: [API, [3, 'Update']],
  'key-rotated': [API, [3, 'Update']],
  'credential-issued': [API, [1, 'Create']],
  revocation: [API, [4, 'Delete']],
  trip: [FINDING, [1, 'Create']],
  alarm: [FINDING, [1, 'Create']],
  'log-rolled-back': [FINDING, [1, 'Create']],
  'log-unproven': [FINDING, [1, 'Create']],
  'log-counted': [LIFECYCLE, [99, 'Log counted']],
  'log-restored': [LIFECYCLE, [99, 'Log restored']],
  'trip-safe': [FINDING, [2, 'Update']],
  'trip-failed': [FINDING, [2, 'Update']],
  'trip-safe-lost': [FINDING, [2, 'Update']],
  'trip-acknowledged': [FINDING, [2, 'Update']],
  'interlock-ended': [FINDING, [2, 'Update']],
  'listener-closed': [FINDING, [1, 'Create']],
  'watchdog-expired': [FINDING, [1, 'Create']],
  'alarm-cleared': [FINDING, [3, 'Close']],
  'alarm-acknowledged': [FINDING, [2, 'Update']],
  'alarm-shelved': [FINDING, [2, 'Update']],
  'alarm-unshelved': [FINDING, [2, 'Update']],
  'alarms-summarised': [FINDING, [2, 'Update']],
}

/** One record as an event of the Open Cybersecurity Schema Framework, as one line of JSON. The record itself is its `raw_data`. */
export function formatOcsf(event: Event, version: string): string {
  const { source, seq, record, severity, time, kind, words, text } = event
  const [found, [activity, name]] = mappingOf(kind)
  const status = STATUSES.get(record.outcome)
  return plainJsonText(
    JSON.stringify({
      activity_id: activity,
      activity_name: name,
      category_uid: found.category,
      class_uid: found.uid,
      class_name: found.name,
      type_uid: found.uid * 100 + activity,
      severity_id: LEVELS[severity],
      time,
      message: words || event.means,
      ...(status === undefined ? {} : { status_id: status, status: textOf(record.outcome) }),
      ...optional('status_code', textOf(record.code)),
      ...optional('status_detail', textOf(record.detail)),
      ...(typeof record.latency_ms === 'number' ? { duration: Math.round(record.latency_ms) } : {}),
      metadata: {
        version: SCHEMA,
        product: { name: 'holdfast', vendor_name: 'holdfast', version },
        log_name: `${source.environment}/${source.gateway}`,
        uid: String(seq),
        sequence: seq,
        original_time: textOf(record.time) ?? '',
        event_code: kind,
      },
      ...found.form(event, version),
      raw_data: text,
    }),
  )
}

/** What is in a log that was changed may have any name. */
function mappingOf(kind: string): readonly [Class, Activity] {
  const known = Object.hasOwn(MAPPING, kind) ? MAPPING[kind as AuditKind] : undefined
  return known ?? [API, [99, kind]]
}

function apiMembers({ record, actor, receiver, kind, source }: Event) {
  // The record of a new credential has that one as its own, and its issuer's beside it.
  const isNew = kind === 'credential-issued'
  const user = {
    ...optional('name', actor || textOf(record.identity)),
    ...optional('credential_uid', textOf(isNew ? record.issuer_credential : record.credential)),
  }
  const peer = textOf(record.source)
  const command = textOf(record.command)
  return {
    actor: Object.keys(user).length > 0 ? { user } : { app_name: 'unknown' },
    api: { operation: kind, ...(command === undefined ? {} : { request: { uid: command } }) },
    src_endpoint:
      peer !== undefined && isIP(peer) > 0
        ? { ip: peer }
        : { name: peer ?? textOf(record.channel) ?? source.gateway },
    resources: [
      ...resourcesOf(record.actuator),
      ...(receiver === undefined ? [] : [{ name: receiver, type: 'subject' }]),
      ...credentialIn(isNew ? record.credential : record.serial),
    ],
  }
}

/** Kinds that somebody is to look at. */
const ALERTS: ReadonlySet<string> = new Set(['trip', 'alarm', 'log-rolled-back', 'log-unproven'])

function findingMembers({ record, source, seq, kind, means }: Event) {
  const about = textOf(record.actuator)
  const title = textOf(record.alarm) ?? (about === undefined ? kind : `${kind} of ${about}`)
  const cause = textOf(record.cause)
  return {
    is_alert: ALERTS.has(kind),
    finding_info: {
      title,
      uid: `${source.environment}/${source.gateway}/${seq}`,
      desc: textOf(record.detail) ?? means,
      ...(cause === undefined ? {} : { types: [cause] }),
    },
    resources: resourcesOf(record.actuator),
  }
}

function lifecycleMembers(_: Event, version: string) {
  return { app: { name: 'holdfast', vendor_name: 'holdfast', version } }
}

function resourcesOf(actuator: unknown): { readonly name: string; readonly type: string }[] {
  const name = textOf(actuator)
  return name === undefined ? [] : [{ name, type: 'actuator' }]
}

/** A credential that was issued or revoked; it has no name. */
function credentialIn(serial: unknown): { readonly uid: string; readonly type: string }[] {
  const uid = textOf(serial)
  return uid === undefined ? [] : [{ uid, type: 'credential' }]
}

function optional(name: string, value: string | undefined): { readonly [member: string]: string } {
  return value === undefined ? {} : { [name]: value }
}
