import { KeptFile } from '../../keep/kept-file.ts'
import type { Millis, UnixMs } from '../../model/time.ts'

/** What a revocation takes away: one credential, all that a subject was issued until a moment, or all that anybody was. */
export type Revocation =
  | { readonly kind: 'credential'; readonly serial: string; readonly at: UnixMs }
  | { readonly kind: 'subject'; readonly subject: string; readonly issuedUntil: UnixMs; readonly at: UnixMs }
  | { readonly kind: 'everybody'; readonly issuedUntil: UnixMs; readonly at: UnixMs }

/** What a credential is judged by. */
export interface Revocable {
  readonly serial: string
  readonly subject: string
  /** When it was issued; 0 where it does not say. */
  readonly issuedAt: UnixMs
}

export type RevocationFile = KeptFile<readonly Revocation[]>

/** The revocation file. When it is there and cannot be understood, nobody knows what is revoked: loading it throws. */
export function revocationFile(path: string): RevocationFile {
  return new KeptFile(path, json => (Array.isArray(json) && json.every(isRevocation) ? json : undefined))
}

function isRevocation(value: unknown): value is Revocation {
  const { kind, at, serial, subject, issuedUntil } = (value ?? {}) as Record<string, unknown>
  if (typeof at !== 'number') return false
  switch (kind) {
    case 'credential':
      return typeof serial === 'string'
    case 'subject':
      return typeof subject === 'string' && typeof issuedUntil === 'number'
    case 'everybody':
      return typeof issuedUntil === 'number'
    default:
      return false
  }
}

/** So many of the newest are kept whatever their age: a clock that ran ahead for a while must not have them forgotten. */
const KEPT_AT_LEAST = 256

/**
 * What was revoked and could otherwise still be used. A revocation acts from the moment it is added, on what is already
 * authenticated too; it is durable when `add` resolves.
 */
export class Revocations {
  readonly #file: RevocationFile
  readonly #keepFor: Millis
  #list: readonly Revocation[]

  /** `keepFor` is the longest that any credential can last: a revocation older than that has nothing left to revoke. */
  constructor(file: RevocationFile, kept: readonly Revocation[], keepFor: Millis) {
    this.#file = file
    this.#list = kept
    this.#keepFor = keepFor
  }

  get list(): readonly Revocation[] {
    return this.#list
  }

  /** The revocation that takes this credential away, if one does. */
  of({ serial, subject, issuedAt }: Revocable): Revocation | undefined {
    return this.#list.find(revocation => {
      switch (revocation.kind) {
        case 'credential':
          return revocation.serial === serial
        case 'subject':
          return revocation.subject === subject && issuedAt <= revocation.issuedUntil
        case 'everybody':
          return issuedAt <= revocation.issuedUntil
        default:
          return false
      }
    })
  }

  /** Adds a revocation. It acts at once, whatever comes of keeping it; rejects when the disk will not have it. */
  async add(revocation: Revocation): Promise<void> {
    const oldest = revocation.at - this.#keepFor
    const old = this.#list.slice(0, -KEPT_AT_LEAST).filter(({ at }) => at >= oldest)
    this.#list = [...old, ...this.#list.slice(-KEPT_AT_LEAST), revocation]
    await this.#file.save(this.#list)
  }
}
