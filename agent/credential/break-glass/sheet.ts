import type { Entropy } from '../../../model/time.ts'
import { formatGroups, readGroups } from '../escrow/groups.ts'

/** The code on the emergency sheet: 160 random bits. */
export const CODE_BYTES = 20

/** Whose emergency sheet it is. */
export interface SheetOwner {
  readonly environment: string
  readonly gateway: string
}

export type SheetAnswer =
  /** Whoever gets the code wipes it. */
  { readonly kind: 'code'; readonly code: Uint8Array } | { readonly kind: 'refused'; readonly detail: string }

/** A code for a new sheet. */
export function newCode(entropy: Entropy): Uint8Array {
  return Buffer.from(entropy(CODE_BYTES))
}

/** `hf-glass-1 north-works/gateway-7 7QK4M-…`, one line, for the sheet in the envelope. */
export function formatSheet(code: Uint8Array, { environment, gateway }: SheetOwner): string {
  return `hf-glass-1 ${environment}/${gateway} ${formatGroups(code)}`
}

/** Reads the sheet's line as a person typed it, or its code alone. Says what is wrong, and in which group. */
export function readSheet(text: string, { environment, gateway }: SheetOwner): SheetAnswer {
  const match = /^\s*(?:hf-glass-1\s+(?<whose>[a-z0-9-]+\s*\/\s*[a-z0-9-]+)\s+)?(?<code>\S.*?)\s*$/is.exec(
    text,
  )
  const { whose, code = '' } = match?.groups ?? {}
  const named = whose?.replaceAll(/\s/g, '').toLowerCase()
  if (named !== undefined && named !== `${environment}/${gateway}`) {
    return { kind: 'refused', detail: `the sheet is for ${named}, and this is ${environment}/${gateway}` }
  }
  const read = readGroups(code, CODE_BYTES)
  return read.kind === 'bytes' ? { kind: 'code', code: read.bytes } : read
}
