import type { ClientRequest, IncomingMessage } from 'node:http'
import { request } from 'node:https'

/** Longest answer that is read, in bytes. One HMAC is about 400. */
const ANSWER_LENGTH_MAX = 64 * 1024

export interface ExchangeRequest {
  /** `https://host:port` */
  readonly address: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Certificates, PEM, of which one must have issued the server's. */
  readonly ca: Uint8Array
  readonly signal: AbortSignal
}

export type ExchangeAnswer =
  | { readonly kind: 'response'; readonly status: number; readonly body: Buffer }
  /** There was none. `code` is what Node or OpenSSL calls it, `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
  | { readonly kind: 'no-response'; readonly code: string }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'aborted' }

/**
 * One POST over TLS 1.2 or later, on a connection of its own. The certificate and the name in it are always verified: what is
 * given here overrules NODE_TLS_REJECT_UNAUTHORIZED. No proxy, no redirect and no repetition, so that the token goes to this
 * address and nowhere else. Not the global fetch, which is WebAssembly and not there under --jitless.
 */
export async function exchange(asked: ExchangeRequest): Promise<ExchangeAnswer> {
  const { address, path, headers, body, ca, signal } = asked
  if (signal.aborted) return { kind: 'aborted' }
  const { promise, resolve } = Promise.withResolvers<ExchangeAnswer>()
  const fail = (error: NodeJS.ErrnoException) =>
    resolve(
      signal.aborted ? { kind: 'aborted' } : { kind: 'no-response', code: error.code ?? 'unknown error' },
    )
  let sent: ClientRequest
  try {
    sent = request(new URL(path, address), {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      ca: Buffer.from(ca),
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      agent: false,
      signal,
    })
  } catch (error) {
    // What is not PEM at all is found before anything is sent.
    if (!(error instanceof Error && 'code' in error)) throw error
    return { kind: 'no-response', code: String(error.code) }
  }
  sent.on('error', fail)
  sent.on('response', response => collect(response, fail, resolve))
  sent.end(body)
  try {
    return await promise
  } finally {
    sent.destroy()
  }
}

function collect(
  response: IncomingMessage,
  fail: (error: NodeJS.ErrnoException) => void,
  resolve: (answer: ExchangeAnswer) => void,
): void {
  const chunks: Buffer[] = []
  let length = 0
  response.on('data', (chunk: Buffer) => {
    length += chunk.length
    chunks.push(chunk)
    if (length > ANSWER_LENGTH_MAX) resolve({ kind: 'too-long' })
  })
  response.on('error', fail)
  response.on('end', () => {
    resolve({ kind: 'response', status: response.statusCode ?? 0, body: Buffer.concat(chunks) })
    for (const chunk of chunks) chunk.fill(0)
  })
}
