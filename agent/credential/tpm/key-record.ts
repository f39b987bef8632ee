import { PCRS_FORM } from './pcrs.ts'

/** `resident`: the key never leaves the TPM. `sealed`: the TPM hands it out, it is used once and wiped. */
export type TpmMode = 'resident' | 'sealed'

/** Version of the form of a record. Whoever changes it so that an older program would read it wrong raises it. */
export const KEY_RECORD_VERSION = 1

/** An enrolled key, outside the TPM. Nothing in it is secret: the private blob is encrypted under the TPM's storage root. */
export interface KeyRecord {
  readonly version: typeof KEY_RECORD_VERSION
  readonly generation: number
  readonly mode: TpmMode
  /** The PCRs that the key is bound to: `sha256:7`. */
  readonly pcrs: string
  /** Their values that it is bound to, hexadecimal, by name: `sha256:7`. */
  readonly boundTo: Readonly<Record<string, string>>
  /** Which key it is (escrow/key-id.ts), hexadecimal. The same after a recovery. */
  readonly keyId: string
  /** The TPM's name for the key object (TPM 2.0 Part 1, 16), hexadecimal. Another one after a recovery. */
  readonly name: string
  /** When it was made, RFC 3339. The same after a recovery, where the file that says so was still there. */
  readonly enrolledAt: string
  /** TPM2B_PUBLIC and TPM2B_PRIVATE, base64. */
  readonly public: string
  readonly private: string
}

/** Why a record that is there cannot be used. */
export type Unusable = 'damaged' | 'newer'

/** That in words, and what to do about it. */
export const UNUSABLE: Readonly<Record<Unusable, { readonly is: string; readonly remedy: string }>> = {
  damaged: { is: 'is damaged', remedy: 'Restore it from a backup, or run holdfast recover.' },
  newer: { is: 'was written by a newer holdfast', remedy: 'Install that one again: the key is not lost.' },
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** Reads a generation's record. What a newer program wrote is `newer`, whatever else is in it: its form is that one's. */
export function parseRecord(text: string, generation: number): KeyRecord | Unusable {
  try {
    const record = JSON.parse(text) as Partial<KeyRecord>
    const { version }: { readonly version?: unknown } = record
    if (typeof version === 'number' && version > KEY_RECORD_VERSION) return 'newer'
    const sound =
      version === KEY_RECORD_VERSION &&
      record.generation === generation &&
      (record.mode === 'resident' || record.mode === 'sealed') &&
      matches(record.pcrs, PCRS_FORM) &&
      typeof record.boundTo === 'object' &&
      record.boundTo !== null &&
      Object.values(record.boundTo).every(value => matches(value, /^[0-9a-f]{40,128}$/)) &&
      matches(record.keyId, /^[0-9a-f]{12}$/) &&
      typeof record.name === 'string' &&
      typeof record.enrolledAt === 'string' &&
      matches(record.public, BASE64) &&
      matches(record.private, BASE64)
    return sound ? (record as KeyRecord) : 'damaged'
  } catch {
    return 'damaged'
  }
}

function matches(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value)
}
