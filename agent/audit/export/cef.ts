import { isIPv4, isIPv6 } from 'node:net'
import { plain } from '../../../model/plain.ts'
import { type Event, textOf } from './event.ts'
import type { Severity } from './severity.ts'

const LEVELS: Readonly<Record<Severity, number>> = {
  information: 1,
  notice: 3,
  warning: 5,
  error: 7,
  critical: 9,
}

/** Our members in fields that are free, with the label that says what they are. */
const CUSTOM = [
  ['cs1', 'credential'],
  ['cs2', 'actuator'],
  ['cs3', 'asked'],
  ['cs4', 'found'],
  ['cs5', 'channel'],
  ['cs6', 'identity'],
] as const

/** One record in ArcSight's Common Event Format, version 0, without a line end. */
export function formatCef(event: Event, version: string): string {
  const { source, seq, record, severity, time, kind, means, actor, receiver, words } = event
  const header = [version, kind, means].map(escapeHeader).join('|')
  const fields: [key: string, value: string | undefined][] = [
    ['rt', String(time)],
    ['dvchost', source.gateway],
    ['deviceExternalId', `${source.environment}/${source.gateway}`],
    ['externalId', String(seq)],
    ['act', kind],
    ['suser', actor || undefined],
    ['duser', receiver],
    ...addressOf(textOf(record.source)),
    ['outcome', textOf(record.outcome)],
    ['reason', textOf(record.code ?? record.cause ?? record.alarm)],
    ['requestMethod', textOf(record.method)],
    ['request', textOf(record.path)],
    ...CUSTOM.flatMap(([field, member]): [string, string | undefined][] => {
      const value = textOf(record[member])
      return value === undefined
        ? []
        : [
            [`${field}Label`, member],
            [field, value],
          ]
    }),
    ['msg', words || undefined],
  ]
  const extension = fields.flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escapeValue(value)}`],
  )
  return `CEF:0|holdfast|holdfast|${header}|${LEVELS[severity]}|${extension.join(' ')}`
}

/** `src` takes IPv4 addresses only. */
function addressOf(source: string | undefined): [key: string, value: string | undefined][] {
  if (source === undefined) return []
  if (isIPv4(source)) return [['src', source]]
  if (isIPv6(source))
    return [
      ['c6a2Label', 'Source IPv6 Address'],
      ['c6a2', source],
    ]
  return [['shost', source]]
}

function escapeHeader(text: string): string {
  return plain(text).replaceAll(/[\\|]/g, '\\$&')
}

function escapeValue(text: string): string {
  return plain(text).replaceAll(/[\\=]/g, '\\$&')
}
