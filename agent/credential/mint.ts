import type { Caveat } from '../../model/caveat.ts'
import { formatCaveat } from '../../model/caveat.ts'
import type { Credential, KeyId } from '../../model/credential.ts'
import { formatIdentifier, parseKeyId } from '../../model/credential.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Clock, Entropy, Millis, UnixMs } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import { chainSecret } from './chain.ts'
import type { EpochKeys } from './epoch-keys.ts'

/** What a new credential is to be good for. */
export interface Order {
  readonly subject: string
  readonly role: string
  /** Further caveats: actuators, networks. */
  readonly caveats: readonly Caveat[]
  readonly lifetime: Millis
}

export interface Minted extends Credential {
  readonly serial: string
  /** When it ends, in seconds since 1970. */
  readonly notAfter: number
}

/** Makes credentials. Verification needs no memory of them: everything is in the identifier, the caveats and the epoch key. */
export class Mint {
  readonly #keys: EpochKeys
  readonly #of: { environment: string; gateway: string; lifetimeMax: Millis }
  readonly #clock: Clock
  readonly #entropy: Entropy

  constructor(
    keys: EpochKeys,
    of: { environment: string; gateway: string; lifetimeMax: Millis },
    clock: Clock,
    entropy: Entropy,
  ) {
    this.#keys = keys
    this.#of = of
    this.#clock = clock
    this.#entropy = entropy
  }

  issue(order: Order): Minted | Refusal {
    if (order.lifetime > this.#of.lifetimeMax) {
      return new Refusal(
        'lifetime-exceeded',
        `a credential may last ${formatDuration(this.#of.lifetimeMax)} at most and ${formatDuration(order.lifetime)} was asked for`,
        'ask for a shorter one, or raise credentials.max_lifetime',
      )
    }
    const now = this.#clock.wall()
    const epoch = this.#keys.epochAt(now)
    const key = this.#keys.keyFor(this.#keys.generation, epoch)
    if (key.kind !== 'key') {
      return new Refusal(
        'master-key-unavailable',
        `no credential can be issued: ${key.kind === 'unavailable' ? key.detail : 'the epoch has just changed'}`,
        'see the master key in `holdfast status`',
      )
    }
    const { environment, gateway } = this.#of
    const hangsOn = { environment, gateway, generation: this.#keys.generation, epoch }
    return forge(key.key, hangsOn, order, now, this.#entropy)
  }
}

/** Makes a credential that hangs on a key. Says so when it would be longer than any agent reads. */
export function forge(
  key: Uint8Array,
  hangsOn: Pick<KeyId, 'environment' | 'gateway' | 'generation' | 'epoch'>,
  order: Order,
  now: UnixMs,
  entropy: Entropy,
): Minted | Refusal {
  const serial = Buffer.from(entropy(12)).toString('base64url')
  const identifier = formatIdentifier({ ...hangsOn, serial })
  const notAfter = Math.floor((now + order.lifetime) / 1000)
  const caveats = [
    { kind: 'subject', subject: order.subject } as const,
    { kind: 'role', role: order.role } as const,
    ...order.caveats,
    // Says when it was issued, so that a revocation of all before a moment knows it without a list.
    { kind: 'not-before', seconds: Math.floor(now / 1000) } as const,
    { kind: 'not-after', seconds: notAfter } as const,
  ].map(formatCaveat)
  const keyid = [identifier, ...caveats].join(';')
  if (!parseKeyId(keyid)) {
    return new Refusal(
      'body-malformed',
      'a credential of this reach would be longer than any agent reads',
      'use patterns such as pump-*, or issue several',
    )
  }
  const secret = chainSecret(key, identifier, caveats)
  const minted = {
    keyid,
    secret: secret.toString('base64url'),
    serial,
    notAfter,
  }
  secret.fill(0)
  return minted
}
