import { access } from 'node:fs/promises'
import type { Clock, Millis } from '../../../model/time.ts'
import { KEY_ID_MESSAGE, keyIdFromMac } from '../escrow/key-id.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import { answerInTime } from './deadline.ts'
import { EVENT_LOG, readBootValues } from './event-log.ts'
import { explain, isSystemError, unavailable } from './fault.ts'
import { type Finding, findingsOf } from './findings.ts'
import { KeyFiles } from './key-files.ts'
import { macWithRecord } from './key-object.ts'
import type { KeyRecord, TpmMode, Unusable } from './key-record.ts'
import { namesOf, type PcrValues, readPcrs } from './pcrs.ts'
import { type Properties, readProperties } from './properties.ts'
import type { ToolFailure, TpmAccess } from './tool.ts'
import { Turn } from './turn.ts'

export interface StatusOptions extends TpmAccess {
  readonly stateDir: string
  /** Where files of one turn go; in memory unless given. */
  readonly workRoot?: string
  /** The firmware's event log; where Linux has it unless given. */
  readonly eventLog?: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface TpmStatus {
  /** What the TPM says about itself, or why it says nothing. */
  readonly tpm: Properties | MasterKeyUnavailable
  /** Every generation whose files are here, the oldest first. */
  readonly generations: readonly GenerationStatus[]
  /** All of it in words, what is wrong with what to do about it. */
  readonly findings: readonly Finding[]
}

export type GenerationStatus =
  | { readonly kind: Unusable; readonly generation: number; readonly path: string }
  | {
      readonly kind: 'enrolled'
      readonly generation: number
      readonly mode: TpmMode
      readonly keyId: string
      readonly enrolledAt: string
      readonly pcrs: readonly BoundPcr[]
      /** What came of using it just now. */
      readonly now: { readonly kind: 'works'; readonly took: Millis } | MasterKeyUnavailable
      /** Whether it works after a restart, if nothing that is measured changes until then. */
      readonly afterRestart: 'works' | 'fails' | 'unknown'
    }

export interface BoundPcr {
  /** `sha256:7` */
  readonly pcr: string
  /** The value that the key is bound to, hexadecimal. */
  readonly bound: string
  /** The value now; undefined when it could not be read. */
  readonly now: string | undefined
  /** The value at the end of the last start, from the firmware's event log; undefined when that is not known. */
  readonly atStart: string | undefined
}

/** Looks at the TPM and at every enrolled generation, and tries each. Changes nothing and needs neither of them to be there. */
export async function tpmStatus(options: StatusOptions): Promise<TpmStatus> {
  const files = new KeyFiles(options.stateDir)
  const records = await readRecords(files)
  if (records instanceof Error) {
    const tpm = await look(options, files, [])
    return { tpm: tpm.properties, generations: [], findings: findingsOf(tpm.properties, [], records.message) }
  }
  const { properties, generations } = await look(options, files, records)
  return { tpm: properties, generations, findings: findingsOf(properties, generations, undefined) }
}

interface Read {
  readonly generation: number
  readonly record: KeyRecord | Unusable
}

async function readRecords(files: KeyFiles): Promise<Read[] | Error> {
  try {
    const read: Read[] = []
    for (const generation of await files.generations()) {
      const record = await files.read(generation)
      if (record !== undefined) read.push({ generation, record })
    }
    return read
  } catch (error) {
    if (!isSystemError(error)) throw error
    return error
  }
}

interface Look {
  readonly properties: Properties | MasterKeyUnavailable
  readonly generations: readonly GenerationStatus[]
}

async function look(options: StatusOptions, files: KeyFiles, records: readonly Read[]): Promise<Look> {
  // Before enrolment there is no directory to lock, and a status must not make one. Nobody takes turns at the TPM then.
  const lock = await access(files.directory).then(
    () => files.directory,
    () => undefined,
  )
  try {
    const work = Turn.during({ ...options, lock }, turn => lookInTurn(options, files, records, turn))
    const answer = await answerInTime(work, options.signal)
    return 'properties' in answer ? answer : unseen(explain(answer, options), files, records)
  } catch (error) {
    if (!isSystemError(error)) throw error
    const trouble = unavailable('failed', `it cannot be asked: ${error.message}`, 'Run this as root.')
    return unseen(trouble, files, records)
  }
}

async function lookInTurn(
  options: StatusOptions,
  files: KeyFiles,
  records: readonly Read[],
  turn: Turn,
): Promise<Look | ToolFailure> {
  const properties = await readProperties(turn)
  if (properties.kind === 'failed') return properties
  const atStart = await readBootValues(turn, options.eventLog ?? EVENT_LOG)
  const generations: GenerationStatus[] = []
  for (const { generation, record } of records) {
    if (typeof record === 'string') {
      generations.push({ kind: record, generation, path: files.path(generation) })
      continue
    }
    const read = await readPcrs(turn, record.pcrs)
    const pcrs = compare(record, read.kind === 'values' ? read.values : {}, atStart)
    const now = await tryOut(options, record, turn)
    generations.push(statusOf(record, pcrs, now))
  }
  return { properties, generations }
}

async function tryOut(options: StatusOptions, record: KeyRecord, turn: Turn) {
  const began = options.clock.monotonic()
  const answer = await macWithRecord(turn, record, KEY_ID_MESSAGE)
  if (answer.kind === 'failed') return explain(answer, options)
  const same = answer.name === record.name && keyIdFromMac(answer.mac) === record.keyId
  answer.mac.fill(0)
  return same
    ? ({ kind: 'works', took: options.clock.monotonic() - began } as const)
    : unavailable(
        'failed',
        'its file was altered: its parts do not belong together',
        'Restore it from a backup, or run holdfast recover.',
      )
}

function unseen(trouble: MasterKeyUnavailable, files: KeyFiles, records: readonly Read[]): Look {
  const generations = records.map(
    ({ generation, record }): GenerationStatus =>
      typeof record === 'string'
        ? { kind: record, generation, path: files.path(generation) }
        : statusOf(record, compare(record, {}, {}), trouble),
  )
  return { properties: trouble, generations }
}

function statusOf(
  { generation, mode, keyId, enrolledAt }: KeyRecord,
  pcrs: readonly BoundPcr[],
  now: { readonly kind: 'works'; readonly took: Millis } | MasterKeyUnavailable,
): GenerationStatus {
  return {
    kind: 'enrolled',
    generation,
    mode,
    keyId,
    enrolledAt,
    pcrs,
    now,
    afterRestart: foresee(pcrs, now),
  }
}

function compare({ pcrs, boundTo }: KeyRecord, now: PcrValues, atStart: PcrValues): BoundPcr[] {
  return namesOf(pcrs).map(pcr => ({ pcr, bound: boundTo[pcr] ?? '', now: now[pcr], atStart: atStart[pcr] }))
}

/**
 * Only PCRs that firmware and boot loader alone extend (1 to 9) can be foreseen from their log. PCR 0 may start at another value than
 * zero (StartupLocality), which not every reader of the log knows; later ones are extended by the running system.
 */
function foresee(
  pcrs: readonly BoundPcr[],
  now: { readonly kind: 'works' } | MasterKeyUnavailable,
): 'works' | 'fails' | 'unknown' {
  if (now.kind === 'unavailable' && now.reason !== 'policy') return 'unknown'
  const foreseen = pcrs.map(({ pcr, bound, atStart }) => {
    if (atStart === undefined || !/:[1-9]$/.test(pcr)) return 'unknown'
    return atStart === bound ? 'works' : 'fails'
  })
  if (foreseen.includes('fails')) return 'fails'
  return foreseen.includes('unknown') ? 'unknown' : 'works'
}
