import { ALARM_NAMES, type AlarmName, formOf } from '../model/alarm.ts'
import { type AlarmForm, priorityOf } from '../model/alarm-form.ts'
import { jsonLine } from '../model/plain.ts'
import { misused, type Surroundings } from './session.ts'

/** `holdfast alarm explain [NAME]`: what an alarm of a name means, whether or not one stands. Asks no agent. */
export function explainAlarm(
  name: string | undefined,
  options: { readonly json?: boolean },
  around: Surroundings,
): number {
  const names = ALARM_NAMES.filter(other => name === undefined || other === name)
  if (names.length === 0)
    return misused(
      `there is no alarm ${JSON.stringify(name)}; \`holdfast alarm explain\` shows all of them`,
      around,
    )
  const explained = names.map(alarm => ({ alarm, ...prioritiesOf(alarm), ...formOf(alarm) }))
  around.out(
    options.json
      ? jsonLine({ alarms: explained })
      : name === undefined
        ? names.map(line).join('')
        : names.map(paragraph).join('\n'),
  )
  return 0
}

/** The priority, and the one that it can rise to. */
function prioritiesOf(name: AlarmName) {
  const { severity, worst, within } = formOf(name)
  return {
    priority: priorityOf(severity, within),
    ...(worst ? { worst_priority: priorityOf(worst, within) } : {}),
  }
}

function line(name: AlarmName): string {
  return `P${prioritiesOf(name).priority}  ${formOf(name).severity.padEnd(8)}  ${name.padEnd(24)}  ${formOf(name).cause}\n`
}

const ENDS: Readonly<Record<AlarmForm['ends'], string>> = {
  itself: 'by itself, when it is over',
  acknowledging: 'by acknowledging it: the agent cannot see when it is over',
  nothing: 'it is a record in the audit log and no more',
}

function paragraph(name: AlarmName): string {
  const { severity, worst, within, ends, cause, consequence, remedy } = formOf(name)
  const { priority, worst_priority: highest } = prioritiesOf(name)
  const rises = worst ? `, rising to ${worst}, P${highest}` : ''
  return [
    `${name}: ${severity}, P${priority}${rises}; act within ${within}`,
    `  cause:             ${cause}`,
    `  if nobody acts:    ${consequence}`,
    `  what to do:        ${remedy}`,
    `  it ends:           ${ENDS[ends]}`,
    '',
  ].join('\n')
}
