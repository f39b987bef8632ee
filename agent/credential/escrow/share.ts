import { createHash } from 'node:crypto'
import { formatGroups, readGroups } from './groups.ts'
import { KEY_ID_BYTES } from './key-id.ts'
import { type Scheme, SHARES_MAX } from './scheme.ts'

/** Whose key it is. */
export interface KeyOwner {
  readonly environment: string
  readonly gateway: string
  readonly generation: number
}

/** One share of a master key. Only `value` is secret, and only together with enough others. */
export interface Share extends KeyOwner, Scheme {
  /** Which share it is, from 1. */
  readonly index: number
  /** Which splitting it comes from, hexadecimal: shares of two splittings of one key do not go together. */
  readonly splitting: string
  readonly keyId: string
  readonly value: Uint8Array
}

export type ShareAnswer =
  | { readonly kind: 'share'; readonly share: Share }
  | { readonly kind: 'refused'; readonly detail: string }

const VERSION = 1
export const SPLITTING_BYTES = 3
const VALUE_BYTES = 32
const CHECKSUM_BYTES = 4
const BODY_BYTES = SPLITTING_BYTES + KEY_ID_BYTES + VALUE_BYTES

/** `hf-share-1 north-works/gateway-7 g1 3-of-5 no.2 7QK4M-…`, one line: whose, which generation, which share, and the share. */
export function formatShare(share: Share): string {
  const head = headOf(share)
  const body = Buffer.concat([
    Buffer.from(share.splitting, 'hex'),
    Buffer.from(share.keyId, 'hex'),
    share.value,
  ])
  const whole = Buffer.concat([body, checksum(head, body)])
  const text = `${head} ${formatGroups(whole)}`
  body.fill(0)
  whole.fill(0)
  return text
}

/** Reads a share as a person typed it: capitals, spaces and hyphens as they please. Says what is wrong, and in which group. */
export function readShare(text: string): ShareAnswer {
  const words = /^\s*hf-share-([0-9]+)\s+(?<rest>.*)$/is.exec(text)
  if (!words) return refused('it does not begin with hf-share-1')
  if (Number(words[1]) !== VERSION)
    return refused(`it is of version ${words[1]}, which this holdfast cannot read`)
  const head =
    /^([a-z0-9-]+)\s*\/\s*([a-z0-9-]+)\s+g([0-9]{1,9})\s+([0-9]{1,2})\s*-?\s*of\s*-?\s*([0-9]{1,2})\s+no\.?\s*([0-9]{1,2})\s+(.*)$/is.exec(
      words.groups?.rest ?? '',
    )
  if (!head) return refused('its beginning is not as in hf-share-1 plant/gateway g1 3-of-5 no.2')
  const [, environment = '', gateway = '', generation, threshold, shares, index, code = ''] = head
  const named = {
    environment: environment.toLowerCase(),
    gateway: gateway.toLowerCase(),
    generation: Number(generation),
    threshold: Number(threshold),
    shares: Number(shares),
    index: Number(index),
  }
  const read = readGroups(code, BODY_BYTES + CHECKSUM_BYTES)
  if (read.kind === 'refused') return refused(`no. ${named.index}: ${read.detail}`)
  const body = read.bytes.subarray(0, BODY_BYTES)
  const sound = checksum(headOf(named), body).equals(read.bytes.subarray(BODY_BYTES))
  const value = body.slice(SPLITTING_BYTES + KEY_ID_BYTES)
  const splitting = hex(body.subarray(0, SPLITTING_BYTES))
  const keyId = hex(body.subarray(SPLITTING_BYTES, SPLITTING_BYTES + KEY_ID_BYTES))
  read.bytes.fill(0)
  const possible = named.index >= 1 && named.index <= named.shares && named.shares <= SHARES_MAX
  if (sound && possible && named.threshold >= 2 && named.threshold <= named.shares)
    return { kind: 'share', share: { ...named, splitting, keyId, value } }
  value.fill(0)
  return refused(
    `no. ${named.index}: every group is well formed and the whole is not: look at "${headOf(named)}" first`,
  )
}

function headOf(share: KeyOwner & Scheme & { readonly index: number }): string {
  const { environment, gateway, generation, threshold, shares, index } = share
  return `hf-share-${VERSION} ${environment}/${gateway} g${generation} ${threshold}-of-${shares} no.${index}`
}

/** Not a secret's hash: whoever has what it is over has the share. It covers the readable beginning too. */
function checksum(head: string, body: Uint8Array): Buffer {
  return createHash('sha256').update(`${head}\n`).update(body).digest().subarray(0, CHECKSUM_BYTES)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function refused(detail: string): ShareAnswer {
  return { kind: 'refused', detail }
}
