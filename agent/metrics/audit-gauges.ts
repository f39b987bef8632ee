import type { Millis } from '../../model/time.ts'
import { type AddGauge, bit } from './gauge.ts'

/** What is read of the audit log at the moment of a scrape. */
export interface AuditReadable {
  audit(): {
    readonly size: number
    readonly queue: number
    readonly unwritable?: string
  }
  /** The counter that the audit log is bound to; undefined where it is bound to none. */
  counter():
    | { readonly counter: number | undefined; readonly age: Millis; readonly last: string | undefined }
    | undefined
}

const TURNS = [
  'agrees',
  'pending',
  'begins',
  'adopted',
  'moved',
  'rolled-back',
  'lost',
  'unavailable',
  'unsigned',
  'unwritable',
]

/** Adds what is known of the audit log, and of the TPM's counter that it is bound to. */
export function addAuditGauges(gauge: AddGauge, read: AuditReadable): void {
  gauge('holdfast_audit_records', 'Records in the audit log', [], () => [[read.audit().size]])
  gauge('holdfast_audit_queue', 'Records that wait for the disk', [], () => [[read.audit().queue]])
  gauge('holdfast_audit_writable', '1 when the audit log takes records', [], () => [
    [bit(read.audit().unwritable === undefined)],
  ])
  gauge(
    'holdfast_audit_tpm_value',
    "Where the TPM's counter of the audit log stood when it was last counted on; absent before that",
    [],
    () => {
      const value = read.counter()?.counter
      return value === undefined ? [] : [[value]]
    },
  )
  gauge(
    'holdfast_audit_tpm_age_seconds',
    'Since log and counter were last compared and counted on, or the start; absent where the log is bound to none',
    [],
    () => {
      const known = read.counter()
      return known ? [[known.age / 1000]] : []
    },
  )
  gauge('holdfast_audit_tpm_turn', '1 for how the last turn at it ended', ['outcome'], () => {
    const last = read.counter()?.last
    return last === undefined ? [] : TURNS.map(outcome => [bit(outcome === last), { outcome }] as const)
  })
}
