import type { Authenticated } from './authenticate.ts'
import type { Received } from './received.ts'
import type { Who } from './refused.ts'

/** Who did something, by name: whose credential it was, or whoever may open the socket that it came over. */
export function nameOf({ channel }: Received, by: Authenticated | undefined): string {
  return by?.claims.subject ?? channel.identity ?? channel.name
}

/** The signature that a request came with, as every record about it says it; nothing of one that had none. */
export function signatureOf(who: Who | undefined): {
  readonly credential?: string
  readonly nonce?: string
  readonly created?: number
} {
  return who ? { credential: who.serial, nonce: who.nonce, created: who.created } : {}
}
