import { z } from 'zod'
import type { Json } from '../../model/json.ts'
import { Refusal } from '../../model/refusal.ts'
import type { UnixMs } from '../../model/time.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { readBody } from './authorize.ts'
import { type Received, wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

/** A new generation of the master key. */
export interface Rotated {
  readonly generation: number
  readonly keyId: string
  /** Until when the one before is good. */
  readonly retiresAt: UnixMs | undefined
  /** The new key's escrow, if it was asked for. They are told once. */
  readonly shares: readonly string[]
  /** What could not be done once the key was there, if anything. The key acts all the same. */
  readonly trouble: Refusal | undefined
}

/** Who rotates, how it came in, and when. */
export interface Rotating extends Pick<Received, 'arrived'> {
  /** As the record says it. */
  readonly record: { readonly [member: string]: Json; readonly by: string }
}

/** Makes a new generation of the master key, whatever its source. */
export interface Rotator {
  rotate(by: Rotating, escrow: string | undefined): Promise<Rotated | Refusal>
}

const RotationBody = z.strictObject({ escrow: z.string().max(20).optional() })

/** Rotates the master key, for an administrator, over a unix socket: shares of a key do not go over a network. */
export async function rotate(
  received: Received,
  by: Authenticated | undefined,
  rotator: Rotator,
): Promise<Rotated | Refused> {
  const who = by?.who
  if (received.source !== 'local') {
    return refuse('channel-denied', 'keys are rotated on the gateway itself', 'use a unix socket', who)
  }
  const body = readBody({ received, who }, RotationBody)
  if (body instanceof Refused) return body
  const rotated = await rotator.rotate(
    {
      record: { by: nameOf(received, by), ...wayOf(received), ...signatureOf(who) },
      arrived: received.arrived,
    },
    body.escrow,
  )
  return rotated instanceof Refusal ? new Refused(rotated, who) : rotated
}
