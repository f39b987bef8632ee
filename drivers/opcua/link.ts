import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { OPCUAClient } from 'node-opcua-client'
import type { Clock, Millis } from '../../model/time.ts'
import { Backoff, type BackoffLimits } from '../backoff.ts'
import type { Facts } from '../identity.ts'
import { clientOptions, discover, type OpcUaEndpoint, userOf, verifyOffer } from './endpoint.ts'
import { loadLibrary } from './library.ts'
import { type Session, sendingOnce } from './once.ts'
import { fingerprintOf, TrustedServers } from './trust.ts'

/** A session that is open. `lost` aborts when it ends, for whatever reason. */
export interface Connection {
  readonly session: Session
  readonly namespaces: readonly string[]
  readonly lost: AbortSignal
}

const BACKOFF: BackoffLimits = { first: 250, max: 5000 }
/** A channel, a session and their signatures take a while on a small gateway. */
const CONNECT_TIMEOUT: Millis = 5000
/**
 * How long the server shall hold a session of which it hears nothing. The library asks for a sign of life after two thirds of it
 * without one. One that was cut off uses up a place of the server's for so long: they are few on a small PLC.
 */
const SESSION_TIMEOUT: Millis = 30_000
/**
 * When a connection that carries nothing is cut. That is for connections, not for requests, which have deadlines of their own: an
 * idle session is asked for a sign of life long before.
 */
const IDLE_TIMEOUT: Millis = 60_000

/**
 * Keeps one session with a server. The library's own reconnecting is off: it would repeat what was under way, and a command is
 * never repeated. The library is loaded with the first session, because it takes a second and fifty megabytes.
 */
export class OpcUaLink implements AsyncDisposable {
  readonly #endpoint: OpcUaEndpoint
  readonly #timeout: Millis
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #first = Promise.withResolvers<void>()
  #connection: (Connection & { readonly end: () => void }) | undefined
  #connections = 0
  #facts: Facts = {}
  #server: X509Certificate | undefined
  #trouble: string

  constructor(endpoint: OpcUaEndpoint, timeout: Millis, clock: Clock, jitter: () => number) {
    this.#endpoint = endpoint
    this.#timeout = timeout
    this.#clock = clock
    this.#backoff = new Backoff(BACKOFF, clock, jitter)
    this.#trouble = 'not connected yet'
    this.#running = this.#run()
  }

  /** The session, or why there is none. */
  get connection(): Connection | { readonly trouble: string } {
    return this.#connection ?? { trouble: `${this.#endpoint.url}: ${this.#trouble}` }
  }

  /** Whether there is a session now. */
  get isConnected(): boolean {
    return this.#connection !== undefined
  }

  /** How many sessions there have been. */
  get connections(): number {
    return this.#connections
  }

  /** What is known of the certificates at both ends. */
  get facts(): Facts {
    return this.#facts
  }

  /** Where the server is, and as whom it is talked to. */
  get endpoint(): OpcUaEndpoint {
    return this.#endpoint
  }

  /** The certificate that the server showed last, where somebody has trusted it. */
  get server(): X509Certificate | undefined {
    return this.#server
  }

  /** Resolves once the first attempt to connect has ended, well or badly. */
  get attempted(): Promise<void> {
    return this.#first.promise
  }

  /** What was asked on a session was answered. To have a session is not yet to be well: a server may give one and end it at once. */
  answered({ session }: Connection): void {
    if (this.#connection?.session === session) this.#backoff.reset()
  }

  /** Gives a session up and makes a new one. */
  renew(connection: Connection, reason: string): void {
    if (this.#connection?.session !== connection.session) return
    const { end } = this.#connection
    this.#connection = undefined
    this.#trouble = reason
    end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#connection?.end()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#hold()
      } catch (error) {
        this.#trouble = (error as Error).message.split('\n')[0] ?? ''
      }
      this.#first.resolve()
      await this.#backoff.wait(this.#stop.signal)
    }
    this.#trouble = 'the agent is stopping'
  }

  /** Opens a session and holds it until it ends. Rejects when it cannot be opened. */
  async #hold(): Promise<void> {
    const library = await loadLibrary()
    const discovered = await discover(this.#endpoint, this.#within.bind(this))
    const server = discovered.certificate
    const trusted = new TrustedServers(this.#endpoint.trusted)
    const objection = await trusted.objection(server, this.#clock.wall())
    const certificate = new X509Certificate(server)
    this.#server = (await trusted.knows(server)) ? certificate : undefined
    this.#facts = await this.#factsOf(certificate)
    if (objection !== undefined) throw new Error(objection)
    const client = library.OPCUAClient.create({
      ...(await clientOptions(this.#endpoint)),
      securityMode: library.MessageSecurityMode[this.#endpoint.securityMode],
      securityPolicy: library.SecurityPolicy[this.#endpoint.securityPolicy],
      // Pinned: the channel is encrypted for this very certificate.
      serverCertificate: server,
      requestedSessionTimeout: SESSION_TIMEOUT,
      transportTimeout: IDLE_TIMEOUT,
      defaultTransactionTimeout: this.#timeout,
    })
    const lost = new AbortController()
    const end = () => lost.abort()
    for (const event of ['close', 'connection_lost', 'abort'] as const) client.on(event, end)
    try {
      await this.#within(client.connect(this.#endpoint.url))
      await verifyOffer(await this.#within(client.getEndpoints()), discovered, this.#endpoint)
      const user = await userOf(this.#endpoint.user, library.UserTokenType)
      const session = sendingOnce(await this.#within(client.createSession(user)))
      session.on('session_closed', end)
      const namespaces = await this.#within(session.readNamespaceArray())
      this.#trouble = 'the connection was lost'
      if (!lost.signal.aborted && !this.#stop.signal.aborted) {
        this.#connections += 1
        this.#connection = { session, namespaces, lost: lost.signal, end }
      }
      this.#first.resolve()
      if (this.#connection) await aborted(lost.signal)
    } finally {
      this.#connection = undefined
      await this.#close(client)
    }
  }

  /** Does not wait for a server that does not answer. */
  async #close(client: OPCUAClient): Promise<void> {
    await this.#within(client.disconnect()).catch(() => {})
  }

  async #within<Result>(work: Promise<Result>): Promise<Result> {
    const over = new AbortController()
    const late = this.#clock
      .sleep(CONNECT_TIMEOUT, AbortSignal.any([over.signal, this.#stop.signal]))
      .then(() => {
        if (over.signal.aborted) return new Promise<never>(() => {})
        throw new Error(this.#stop.signal.aborted ? 'the agent is stopping' : 'no connection in time')
      })
    try {
      return await Promise.race([work, late])
    } finally {
      over.abort()
      late.catch(() => {})
      work.catch(() => {})
    }
  }

  #until({ validToDate }: X509Certificate): string {
    const days = Math.floor((validToDate.getTime() - this.#clock.wall()) / DAY)
    return `${validToDate.toISOString()} (${days < 0 ? 'it has ended' : `in ${days} days`})`
  }

  async #factsOf(theirs: X509Certificate): Promise<Facts> {
    const { certificate, user } = this.#endpoint
    const ours = new X509Certificate(await readFile(certificate))
    const users =
      user.kind === 'certificate' ? new X509Certificate(await readFile(user.certificate)) : undefined
    return {
      security: `${this.#endpoint.securityPolicy}, ${this.#endpoint.securityMode}`,
      user: user.kind === 'password' ? user.name : user.kind,
      certificate: theirs.subject.replaceAll('\n', ', '),
      certificate_sha256: fingerprintOf(theirs),
      certificate_valid_to: this.#until(theirs),
      our_certificate_valid_to: this.#until(ours),
      ...(users ? { user_certificate_valid_to: this.#until(users) } : {}),
    }
  }
}

const DAY: Millis = 86_400_000

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
