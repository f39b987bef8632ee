import type { Entropy } from '../../../model/time.ts'
import { keyIdOf } from './key-id.ts'
import type { Scheme } from './scheme.ts'
import { interpolate, splitSecret } from './shamir.ts'
import { formatShare, type KeyOwner, readShare, type Share, SPLITTING_BYTES } from './share.ts'

/** Of a master key. */
const KEY_BYTES = 32

const ORDINAL = new Intl.PluralRules('en', { type: 'ordinal' })

export interface Splitting extends Scheme {
  readonly key: Uint8Array
  readonly of: KeyOwner
  readonly entropy: Entropy
}

export type JoinAnswer =
  | (KeyOwner & {
      readonly kind: 'key'
      /** Whoever gets it wipes it. */
      readonly key: Uint8Array
      readonly keyId: string
    })
  | { readonly kind: 'refused'; readonly detail: string }

/**
 * Splits a master key into shares of which any `threshold` give it back. Returns their texts, one line each, in order. They
 * are strings, which cannot be wiped: print them and let go of them. The key stays the caller's to wipe.
 *
 * One share, or `threshold` - 1 of them, holds the key's id and otherwise says nothing about the key. With the id a guess at the
 * key can be checked, which helps nobody against 256 bits.
 */
export function splitKey({ key, threshold, shares, of, entropy }: Splitting): string[] {
  if (key.length !== KEY_BYTES) throw new RangeError(`a master key has ${KEY_BYTES} bytes`)
  const common = { ...of, threshold, shares, keyId: keyIdOf(key), splitting: hex(entropy(SPLITTING_BYTES)) }
  const points = splitSecret(key, { threshold, shares }, entropy)
  return points.map(({ index, value }) => {
    const text = formatShare({ ...common, index, value })
    value.fill(0)
    return text
  })
}

/**
 * Puts a key together again from the texts of its shares, and makes sure by the key's id that it is that key. `of` is whose key
 * it has to be, as far as that is known. Empty texts are passed over. More shares than needed do no harm: they are checked too.
 */
export function joinShares(texts: readonly string[], of: Partial<KeyOwner> = {}): JoinAnswer {
  const read = texts.filter(text => text.trim() !== '').map(readShare)
  const shares = read.flatMap(answer => (answer.kind === 'share' ? [answer.share] : []))
  try {
    const wrong = read.findIndex(answer => answer.kind === 'refused')
    const answer = read[wrong]
    if (answer?.kind === 'refused')
      return refused(`the ${ordinal(wrong)} share cannot be read: ${answer.detail}`)
    return faultOf(shares, of) ?? join(shares)
  } finally {
    for (const { value } of shares) value.fill(0)
  }
}

/** Why these shares cannot give that key, if so. */
function faultOf(shares: readonly Share[], of: Partial<KeyOwner>): JoinAnswer | undefined {
  const [first] = shares
  if (!first) return refused('there is no share')
  const seen = new Map<number, number>()
  for (const [place, share] of shares.entries()) {
    const which = `the ${ordinal(place)} share (no. ${share.index})`
    const stranger = strangeness(share, of, 'the key that is wanted')
    if (stranger) return refused(`${which} ${stranger}`)
    const other = strangeness(share, first, 'the first share')
    if (other) return refused(`${which} ${other}`)
    if (share.keyId !== first.keyId) return refused(`${which} is of another key than the first share`)
    if (share.splitting !== first.splitting || headDiffers(share, first))
      return refused(
        `${which} comes from another splitting of the same key than the first: use shares that were written together`,
      )
    const before = seen.get(share.index)
    if (before !== undefined) return refused(`${which} is the same as the ${ordinal(before)}: it counts once`)
    seen.set(share.index, place)
  }
  const missing = first.threshold - shares.length
  return missing > 0
    ? refused(
        `${shares.length} of ${first.threshold} shares are here: ${missing} more ${missing === 1 ? 'is' : 'are'} needed`,
      )
    : undefined
}

function strangeness(share: Share, of: Partial<KeyOwner>, whom: string): string | undefined {
  const { environment = share.environment, gateway = share.gateway, generation = share.generation } = of
  if (share.environment !== environment || share.gateway !== gateway)
    return `is of gateway ${share.environment}/${share.gateway}, and ${whom} of ${environment}/${gateway}`
  if (share.generation !== generation)
    return `is of generation ${share.generation}, and ${whom} of generation ${generation}`
  return undefined
}

function headDiffers(one: Share, other: Share): boolean {
  return one.threshold !== other.threshold || one.shares !== other.shares
}

function join(shares: readonly Share[]): JoinAnswer {
  const [first] = shares
  if (!first) return refused('there is no share')
  const points = shares.slice(0, first.threshold)
  const key = interpolate(points, 0)
  const { environment, gateway, generation, keyId } = first
  const spare = shares
    .slice(first.threshold)
    .find(({ index, value }) => interpolate(points, index).some((byte, place) => byte !== value[place]))
  if (keyIdOf(key) === keyId && !spare) return { kind: 'key', key, keyId, environment, gateway, generation }
  const sound = keyIdOf(key) === keyId
  key.fill(0)
  return refused(
    sound
      ? `share no. ${spare?.index} does not belong to the others, which are right: leave it out, and find out where it came from`
      : 'together these shares give another key than the one that was split: at least one of them was made up or altered with its checksums',
  )
}

function ordinal(place: number): string {
  const endings = { one: 'st', two: 'nd', few: 'rd', other: 'th', zero: 'th', many: 'th' }
  return `${place + 1}${endings[ORDINAL.select(place + 1)]}`
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function refused(detail: string): JoinAnswer {
  return { kind: 'refused', detail }
}
