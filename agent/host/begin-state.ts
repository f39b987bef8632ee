import type { Credential } from '../../model/credential.ts'
import type { AuditLog } from '../audit/log.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { parseScheme } from '../credential/escrow/scheme.ts'
import { KeyFiles } from '../credential/tpm/key-files.ts'
import { lockState } from '../state-lock.ts'
import { actAsOwner } from '../state-owner.ts'
import { beginLog, type Enrolled, enrolGateway } from './enrolment.ts'
import { issueFirstCredential } from './first-credential.ts'

/** What a process that may give up being root is asked to do to a gateway's state. */
export interface BeginOrder {
  readonly config: string
  readonly escrow: string | undefined
  /** Whom the first credential is for; undefined where there is one already. */
  readonly admin: string | undefined
  readonly credentialsDirectory: string | undefined
}

export type Begun =
  | {
      readonly kind: 'begun'
      /** `kept` where an earlier run had enrolled the gateway. */
      readonly enrolment: Enrolled | { readonly kind: 'kept' }
      readonly credential:
        | (Credential & { readonly notAfter: string })
        | { readonly trouble: string }
        | undefined
    }
  /** Another process has the state: an agent runs. Nothing was done. */
  | { readonly kind: 'busy'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string }

/**
 * Enrols a gateway where that was not done, and issues its first credential. Root's work is done as the owner of the state, from here
 * to the end of the process. Done again after an interruption it goes on where that was.
 */
export async function beginState(order: BeginOrder): Promise<Begun> {
  const loaded = await loadConfig(order.config)
  if (loaded.kind === 'problems') return failed(formatProblems(loaded.problems))
  const { config } = loaded
  const user = actAsOwner(config.stateDir, process)
  const around = { user, credentialsDirectory: order.credentialsDirectory }
  const lock = await lockState(config.stateDir)
  if (lock instanceof Error) {
    return lock.obstacle === 'blocked' ? { kind: 'busy', detail: lock.message } : failed(lock.message)
  }
  await using _lock = lock
  const begun = await beginLog(config)
  if (begun.kind !== 'begun') return failed(begun.detail)
  await using log = begun.log
  const isEnrolled = await hasBeenEnrolled(config, log)
  if (isEnrolled === 'key-lost')
    return failed(
      `${config.stateDir} was enrolled, and the key's files are gone: restore them from a backup, or holdfast recover with the shares`,
    )
  const scheme = order.escrow === undefined ? undefined : parseScheme(order.escrow)
  const wish = {
    mode: 'auto',
    scheme: scheme?.kind === 'scheme' ? scheme : undefined,
    breakGlass: false,
  } as const
  const enrolment = isEnrolled ? ({ kind: 'kept' } as const) : await enrolGateway(config, begun, around, wish)
  if (enrolment.kind === 'not-enrolled') return failed(enrolment.detail)
  if (order.admin === undefined) return { kind: 'begun', enrolment, credential: undefined }
  const minted = await issueFirstCredential(config, log, around, order.admin)
  if (typeof minted === 'string') return { kind: 'begun', enrolment, credential: { trouble: minted } }
  const { keyid, secret } = minted
  const notAfter = new Date(minted.notAfter * 1000).toISOString()
  return { kind: 'begun', enrolment, credential: { keyid, secret, notAfter } }
}

/** Whether an enrolment was carried through. A log that an agent has begun in place of a lost one has no record of it. */
async function hasBeenEnrolled(
  { masterKey, stateDir }: Config,
  log: AuditLog,
): Promise<boolean | 'key-lost'> {
  const [enrolled, started] = await Promise.all([
    log.records('enrolled', 0, 1),
    log.records('agent-started', 0, 1),
  ])
  const isRecorded = [enrolled, started].some(found => found.kind === 'records' && found.texts.length > 0)
  const isThere = masterKey.source !== 'tpm' || (await new KeyFiles(stateDir).newest()) !== undefined
  if (isRecorded && enrolled.kind === 'records' && enrolled.texts.length > 0 && !isThere) return 'key-lost'
  return isRecorded && isThere
}

function failed(detail: string): Begun {
  return { kind: 'failed', detail }
}
