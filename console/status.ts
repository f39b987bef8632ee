import type { Json } from '../model/json.ts'
import { describeFound } from '../model/outcome.ts'
import { formatDuration } from '../model/time.ts'
import { describeAlarm } from './alarm.ts'
import type { AlarmView } from './alarm-view.ts'
import { describeGuards } from './guards.ts'
import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'
import { type ActuatorView, type ClockView, describeClock, headline, type StatusView } from './status-view.ts'

/** `holdfast status` */
export async function status(options: SessionOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  return report(await session.client.status(), options, around, describe)
}

/** What is to be done next about a trip. */
function describeAcknowledgement({ id, first_out }: ActuatorView): string {
  return first_out?.acknowledged
    ? `acknowledged by ${first_out.acknowledged.by} at ${first_out.acknowledged.at}; next: holdfast reset ${id}`
    : `not acknowledged yet: holdfast acknowledge ${id}`
}

function describe(body: Record<string, Json>): string {
  const masterKey = body.master_key as {
    source: string
    available: boolean
    detail?: string
    remedy?: string
  }
  const audit = body.audit as { records: number; unwritable?: string }
  const troubles = body.troubles as string[]
  const alarms = body.alarms as unknown as AlarmView[]
  const actuators = body.actuators as unknown as ActuatorView[]
  const width = Math.max(8, ...actuators.map(({ id }) => id.length))
  const lines = [
    `${body.environment}/${body.gateway}  up ${formatDuration(Number(body.uptime_ms))}  ${headline(body as unknown as StatusView)}`,
    ...troubles.map(trouble => `  ! ${trouble}`),
    `master key  ${masterKey.source}${masterKey.available ? '' : `  UNAVAILABLE: ${masterKey.detail} ${masterKey.remedy}`}`,
    `clock       ${describeClock(body.clock as unknown as ClockView)}`,
    `audit log   ${audit.records} records${audit.unwritable ? `  UNWRITABLE: ${audit.unwritable}` : ''}`,
    ...alarms.flatMap(alarm => (alarm.state === 'shelved' ? [] : [describeAlarm(alarm)])),
    '',
    ...actuators.flatMap(actuator => [
      `${actuator.id.padEnd(width)}  ${describeFound(actuator.position).padEnd(10)}  ${actuator.phase}  (takes ${actuator.takes}; safe: ${actuator.safe})`,
      ...(actuator.detail ? [`${' '.repeat(width)}  ! ${actuator.detail}`] : []),
      ...describeGuards(actuator).map(line => `${' '.repeat(width)}  ${line}`),
      ...(actuator.held ? [`${' '.repeat(width)}  ${actuator.held}`] : []),
      ...(actuator.unmet ? [`${' '.repeat(width)}  ${actuator.unmet.kind}: ${actuator.unmet.detail}`] : []),
      ...(actuator.first_out
        ? [
            `${' '.repeat(width)}  first-out: ${actuator.first_out.cause} at ${actuator.first_out.at}`,
            `${' '.repeat(width)}  ${actuator.first_out.detail}`,
            `${' '.repeat(width)}  ${describeAcknowledgement(actuator)}`,
          ]
        : []),
    ]),
    ...Object.entries(body.suspended as Record<string, string>).map(
      ([identity, reason]) => `suspended: ${identity}: ${reason}`,
    ),
    ...Object.entries(body.closed_listeners as Record<string, string>).map(
      ([listener, reason]) => `closed: listener ${listener}: ${reason}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
