import type { IncomingMessage } from 'node:http'
import type { Clock, Millis } from '../../model/time.ts'
import { refuseForeignSite } from './foreign-site.ts'
import type { Channel, Received } from './received.ts'
import { Refused, refuse } from './refused.ts'

/** The largest body that is read, in bytes. A command is a few dozen. */
export const BODY_MAX = 16 * 1024

/** So much of a body that is too large is read and thrown away, because a client that is still sending does not listen. */
const DISCARD_MAX = 16 * 1024 * 1024

/** How fast requests may come from one source. */
export interface SourceRates {
  /** Counts one request; how much too early it is. */
  take(channel: Channel, source: string): Millis
}

/** Reads a request whole, or says why not. What it read, nothing has looked at. */
export async function receive(
  request: IncomingMessage,
  channel: Channel,
  clock: Clock,
  rates: SourceRates,
): Promise<Received | { readonly received: Received; readonly refused: Refused }> {
  const head = readHead(request, channel, clock, rates)
  const fail = (refused: Refused) => ({ received: head, refused })
  const authorities = head.fields.get('host') ?? []
  if (authorities.length !== 1 || !head.path.startsWith('/')) {
    return fail(refuse('request-malformed', 'expected one Host field and a path that begins with /'))
  }
  const foreign = refuseForeignSite(head)
  if (foreign) return fail(foreign)
  const body = await readBody(request)
  return body instanceof Refused ? fail(body) : { ...head, body }
}

function readHead(request: IncomingMessage, channel: Channel, clock: Clock, rates: SourceRates): Received {
  const fields = readFields(request)
  const target = request.url ?? ''
  const mark = target.indexOf('?')
  const source = sourceOf(request.socket.remoteAddress)
  return {
    stage: 'received',
    channel,
    source,
    tooEarly: rates.take(channel, source),
    method: request.method ?? '',
    // Lower case and without the scheme's default port (RFC 9421 §2.2.3).
    authority: (fields.get('host')?.[0] ?? '')
      .toLowerCase()
      .replace(channel.certificate ? /:443$/ : /:80$/, ''),
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '?' : target.slice(mark),
    fields,
    body: new Uint8Array(),
    arrived: { wall: clock.wall(), monotonic: clock.monotonic() },
  }
}

/** Every value of a request's header fields, by its lower-case name, in the order received. */
export function readFields({ rawHeaders }: IncomingMessage): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = (rawHeaders[index + 1] ?? '').trim()
    const values = fields.get(name)
    if (values) values.push(value)
    else fields.set(name, [value])
  }
  return fields
}

/** The peer's address as it is written: an IPv4 address that came in over an IPv6 socket is an IPv4 address. */
export function sourceOf(address: string | undefined): string {
  return address === undefined || address === '' ? 'local' : address.replace(/^::ffff:(?=[0-9.]+$)/, '')
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | Refused> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > DISCARD_MAX) break
      if (length <= BODY_MAX) chunks.push(chunk)
    }
  } catch {
    return refuse('body-truncated', 'the connection ended before the body was whole')
  }
  if (length > BODY_MAX) return tooLarge()
  return request.complete
    ? Buffer.concat(chunks)
    : refuse('body-truncated', 'the body ended before it was whole')
}

function tooLarge(): Refused {
  return refuse('body-too-large', `the body is larger than ${BODY_MAX} bytes`)
}
