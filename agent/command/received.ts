import type { Millis, MonotonicMs, UnixMs } from '../../model/time.ts'

/** The way a request came in: one listener of the configuration. */
export interface Channel {
  readonly name: string
  /** Who is at the other end, where the listener itself knows: for a unix socket, whoever its file mode lets in. */
  readonly identity?: string
  /** What failures from nobody known do on this listener. */
  readonly unattributed: 'count' | 'alarm'
  /** The client's certificate, where the listener asked for one and found it right. */
  readonly certificate?: ClientCertificate
  /** On the admin socket, being able to open it is the credential for issuing credentials. */
  readonly admin: boolean
  /** Whether it serves the operator panel. */
  readonly panel?: boolean
}

/** What a client's certificate says of it. */
export interface ClientCertificate {
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly sha256: string
  /** The SPIFFE ID in its URI subject alternative name (X509-SVID §2), if it has exactly one URI there. */
  readonly spiffe: string | undefined
  /** Its subject, for people. */
  readonly subject: string
}

/** A request that was read whole, is small enough and came from an allowed network. Nothing in it is believed yet. */
export interface Received {
  readonly stage: 'received'
  readonly channel: Channel
  /** The peer's address, or `local` on a unix socket. */
  readonly source: string
  readonly method: string
  readonly authority: string
  /** Path and query exactly as sent. */
  readonly path: string
  readonly query: string
  /** Every value of a header field, by its lower-case name, in the order received. */
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly body: Uint8Array
  /** How much too early this request is for its source's rate; 0 when it is not. */
  readonly tooEarly: Millis
  readonly arrived: { readonly wall: UnixMs; readonly monotonic: MonotonicMs }
}

/** The way a request came in, as every record about it says it. */
export function wayOf({ channel, source }: Received): {
  readonly channel: string
  readonly source: string
  readonly identity?: string
} {
  const { name, identity } = channel
  return { channel: name, source, ...(identity === undefined ? {} : { identity }) }
}

/** The same of a record whose `identity` is whom it is about: who is at the other end of the channel has a name of its own there. */
export function wayApart({ channel, source }: Received): {
  readonly channel: string
  readonly source: string
  readonly channel_identity?: string
} {
  const { name, identity } = channel
  return { channel: name, source, ...(identity === undefined ? {} : { channel_identity: identity }) }
}
