import { request } from 'node:http'
import { request as requestTls } from 'node:https'
import type { Credential } from '../model/credential.ts'
import type { Json } from '../model/json.ts'
import type { Problem } from '../model/refusal.ts'
import type { Setpoint } from '../model/setpoint.ts'
import type { Clock, Entropy, Millis } from '../model/time.ts'
import { signRequest } from './sign.ts'

/** Where an agent listens: `http://host:port`, `https://host:port` or `unix:/path/to.sock`. */
export type AgentAddress =
  | { readonly kind: 'tcp' | 'tls'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** What came of a request: an answer, a problem document, or no agent there. */
export type Answer<Body = Json> =
  | { readonly kind: 'answered'; readonly status: number; readonly body: Body }
  | {
      readonly kind: 'problem'
      readonly status: number
      readonly problem: Problem & { readonly [member: string]: Json }
    }
  /** No answer came. Where `sent` is true the agent may have acted all the same. */
  | { readonly kind: 'unreachable'; readonly detail: string; readonly sent: boolean }

/** Reads an agent's address; undefined when it is neither form. */
export function parseAgentAddress(text: string): AgentAddress | undefined {
  if (text.startsWith('unix:')) return text.length > 5 ? { kind: 'unix', path: text.slice(5) } : undefined
  try {
    const url = new URL(text)
    const kind = url.protocol === 'https:' ? 'tls' : url.protocol === 'http:' ? 'tcp' : undefined
    if (!kind || (url.pathname !== '/' && url.pathname !== '')) return undefined
    const port = Number(url.port || (kind === 'tls' ? 443 : 80))
    return { kind, host: url.hostname.replace(/^\[|\]$/g, ''), port }
  } catch {
    return undefined
  }
}

/** What a client shows and trusts on a TLS listener, as PEM. */
export interface ClientTls {
  readonly certificate: string
  readonly key: string
  /** The authorities that the agent's certificate must be of. */
  readonly ca: string
}

export interface ClientOptions {
  /** For a TLS listener. */
  readonly tls?: ClientTls | undefined
  /** Without one, only what needs none can be asked. */
  readonly credential?: Credential | undefined
  /** Bounds each call. */
  readonly deadline: Millis
  readonly clock: Pick<Clock, 'wall'>
  readonly entropy: Entropy
}

/** Speaks to one agent. Each call is one request, never repeated. */
export class AgentClient {
  readonly #address: AgentAddress
  readonly #options: ClientOptions

  constructor(address: AgentAddress, options: ClientOptions) {
    this.#address = address
    this.#options = options
  }

  command(actuator: string, setpoint: Setpoint, reason?: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/commands`, {
      setpoint,
      ...(reason ? { reason } : {}),
    })
  }

  select(actuator: string, setpoint: Setpoint, reason?: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/select`, {
      setpoint,
      ...(reason ? { reason } : {}),
    })
  }

  reset(actuator: string, reason?: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/reset`, reason ? { reason } : {})
  }

  lockOut(actuator: string, reason: string, until: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/lockout`, { reason, until })
  }

  /** Ends the lockout of a subject; the credential's own unless given. */
  unlock(actuator: string, subject?: string, reason?: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/unlock`, {
      ...(subject ? { subject } : {}),
      ...(reason ? { reason } : {}),
    })
  }

  trip(actuator: string, reason?: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/trip`, reason ? { reason } : {})
  }

  acknowledge(actuator: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/acknowledge`, {})
  }

  heartbeat(actuator: string): Promise<Answer> {
    return this.#send('POST', `/v1/actuators/${actuator}/heartbeat`, {})
  }

  liftSuspension(identity: string, reason?: string): Promise<Answer> {
    return this.#send('POST', '/v1/suspensions/lift', { identity, ...(reason ? { reason } : {}) })
  }

  openListener(listener: string, reason?: string): Promise<Answer> {
    return this.#send('POST', '/v1/listeners/open', { listener, ...(reason ? { reason } : {}) })
  }

  issue(order: Json): Promise<Answer> {
    return this.#send('POST', '/v1/credentials', order)
  }

  revoke(what: Json): Promise<Answer> {
    return this.#send('POST', '/v1/revocations', what)
  }

  rotate(escrow?: string): Promise<Answer> {
    return this.#send('POST', '/v1/keys/rotate', escrow === undefined ? {} : { escrow })
  }

  sealGlass(): Promise<Answer> {
    return this.#send('POST', '/v1/break-glass/seal', {})
  }

  closeGlass(): Promise<Answer> {
    return this.#send('POST', '/v1/break-glass/close', {})
  }

  acceptClock(): Promise<Answer> {
    return this.#send('POST', '/v1/clock/accept', {})
  }

  credentials(): Promise<Answer> {
    return this.#send('GET', '/v1/credentials')
  }

  roles(): Promise<Answer> {
    return this.#send('GET', '/v1/roles')
  }

  status(): Promise<Answer> {
    return this.#send('GET', '/v1/status')
  }

  alarms(): Promise<Answer> {
    return this.#send('GET', '/v1/alarms')
  }

  /** By its id, or all of a name. */
  acknowledgeAlarm(alarm: string): Promise<Answer> {
    return this.#send('POST', '/v1/alarms/acknowledge', { alarm })
  }

  shelveAlarm(alarm: string, duration: string, reason: string): Promise<Answer> {
    return this.#send('POST', '/v1/alarms/shelve', { alarm, for: duration, reason })
  }

  unshelveAlarm(alarm: string): Promise<Answer> {
    return this.#send('POST', '/v1/alarms/unshelve', { alarm })
  }

  get #authority(): string {
    if (this.#address.kind === 'unix') return 'localhost'
    const { host, port } = this.#address
    const name = host.includes(':') ? `[${host}]` : host.toLowerCase()
    // The scheme's default port is left out (RFC 9421 §2.2.3).
    return port === (this.#address.kind === 'tls' ? 443 : 80) ? name : `${name}:${port}`
  }

  #send(method: string, path: string, message?: Json): Promise<Answer> {
    const body = Buffer.from(message === undefined ? '' : JSON.stringify(message))
    const authority = this.#authority
    const { credential, clock, entropy, deadline, tls } = this.#options
    const freshness = { created: Math.floor(clock.wall() / 1000), nonce: entropy(16) }
    const signature = credential ? signRequest({ method, authority, path, body }, credential, freshness) : {}
    const { promise, resolve } = Promise.withResolvers<Answer>()
    let sent = false
    const outgoing = (this.#address.kind === 'tls' ? requestTls : request)(
      {
        ...(this.#address.kind === 'unix'
          ? { socketPath: this.#address.path }
          : { host: this.#address.host, port: this.#address.port }),
        ...(this.#address.kind === 'tls' ? { rejectUnauthorized: true } : {}),
        ...(tls ? { cert: tls.certificate, key: tls.key, ca: tls.ca, minVersion: 'TLSv1.3' as const } : {}),
        method,
        path,
        agent: false,
        signal: AbortSignal.timeout(deadline),
        headers: {
          Host: authority,
          'Content-Length': body.length,
          ...(body.length > 0 ? { 'Content-Type': 'application/json' } : {}),
          ...signature,
        },
      },
      incoming => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', error => resolve({ kind: 'unreachable', detail: error.message, sent }))
        incoming.on('end', () =>
          resolve(readAnswer(incoming.statusCode ?? 0, Buffer.concat(chunks).toString())),
        )
      },
    )
    outgoing.on('finish', () => {
      sent = true
    })
    outgoing.on('error', error => {
      const connected = outgoing.socket?.bytesWritten ? sent : false
      const detail =
        error.name === 'AbortError' || error.name === 'TimeoutError' ? 'no answer in time' : error.message
      resolve({ kind: 'unreachable', detail, sent: connected })
    })
    outgoing.end(body)
    return promise
  }
}

function readAnswer(status: number, text: string): Answer {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return notAnAgent(status)
  }
  if ((status === 200 || status === 201) && typeof body === 'object' && body !== null) {
    return { kind: 'answered', status, body: body as Json }
  }
  return status >= 400 && isProblem(body) ? { kind: 'problem', status, problem: body } : notAnAgent(status)
}

function isProblem(body: unknown): body is Problem & { readonly [member: string]: Json } {
  const { title, detail, code } = (body ?? {}) as Partial<Problem>
  return typeof title === 'string' && typeof detail === 'string' && typeof code === 'string'
}

/** What answers there is something else: nobody can say what it made of the request. */
function notAnAgent(status: number): Answer {
  return {
    kind: 'unreachable',
    detail: `what answers there (HTTP ${status}) is not a holdfast agent`,
    sent: true,
  }
}
