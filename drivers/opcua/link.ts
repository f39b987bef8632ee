import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ClientSession, OPCUAClient, UserIdentityInfo } from 'node-opcua-client'
import type { Clock, Millis } from '../../model/time.ts'
import { fingerprintOf, TrustedServers } from './trust.ts'

export interface OpcUaEndpoint {
  readonly url: string
  readonly securityPolicy: 'Basic256Sha256' | 'Aes256_Sha256_RsaPss'
  readonly securityMode: 'Sign' | 'SignAndEncrypt'
  /** Files in PEM: our application's certificate, whose URI names it, and its key. */
  readonly certificate: string
  readonly key: string
  /** The folder of the servers that are trusted. */
  readonly trusted: string
  readonly user: OpcUaUser
}

export type OpcUaUser =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'password'; readonly name: string; readonly passwordFile: string }
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }

/** A session that is open. `lost` aborts when it ends, for whatever reason. */
export interface Connection {
  readonly session: ClientSession
  readonly namespaces: readonly string[]
  readonly lost: AbortSignal
}

const BACKOFF_FIRST: Millis = 250
const BACKOFF_MAX: Millis = 5000
/** A channel, a session and their signatures take a while on a small gateway. */
const CONNECT_TIMEOUT: Millis = 5000

/**
 * Keeps one session with a server. The library's own reconnecting is off: it would repeat what was under way, and a command is
 * never repeated. The library is loaded with the first session, because it takes a second and fifty megabytes.
 */
export class OpcUaLink implements AsyncDisposable {
  readonly #endpoint: OpcUaEndpoint
  readonly #timeout: Millis
  readonly #clock: Clock
  readonly #jitter: () => number
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #first = Promise.withResolvers<void>()
  #connection: (Connection & { readonly end: () => void }) | undefined
  #facts: Readonly<Record<string, string>> = {}
  #trouble: string

  constructor(endpoint: OpcUaEndpoint, timeout: Millis, clock: Clock, jitter: () => number) {
    this.#endpoint = endpoint
    this.#timeout = timeout
    this.#clock = clock
    this.#jitter = jitter
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

  /** What is known of the certificates at both ends. */
  get facts(): Readonly<Record<string, string>> {
    return this.#facts
  }

  /** Resolves once the first attempt to connect has ended, well or badly. */
  get attempted(): Promise<void> {
    return this.#first.promise
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
    let backoff = BACKOFF_FIRST
    while (!this.#stop.signal.aborted) {
      try {
        await this.#hold()
        backoff = BACKOFF_FIRST
      } catch (error) {
        this.#trouble = (error as Error).message.split('\n')[0] ?? ''
      }
      this.#first.resolve()
      await this.#clock.sleep(backoff * (0.5 + this.#jitter() / 2), this.#stop.signal)
      backoff = Math.min(backoff * 2, BACKOFF_MAX)
    }
    this.#trouble = 'the agent is stopping'
  }

  /** Opens a session and holds it until it ends. Rejects when it cannot be opened. */
  async #hold(): Promise<void> {
    const library = await import('node-opcua-client')
    library.setWarningLogger(() => {})
    library.setErrorLogger(() => {})
    const server = await serverCertificate(this.#endpoint, this.#within.bind(this))
    const objection = await new TrustedServers(this.#endpoint.trusted).objection(server, this.#clock.wall())
    this.#facts = await this.#factsOf(server)
    if (objection !== undefined) throw new Error(objection)
    const client = library.OPCUAClient.create({
      ...(await clientOptions(this.#endpoint)),
      securityMode: library.MessageSecurityMode[this.#endpoint.securityMode],
      securityPolicy: library.SecurityPolicy[this.#endpoint.securityPolicy],
      // Pinned: the channel is encrypted for this very certificate.
      serverCertificate: server,
      transportTimeout: this.#timeout,
      defaultTransactionTimeout: this.#timeout,
    })
    const lost = new AbortController()
    const end = () => lost.abort()
    for (const event of ['close', 'connection_lost', 'abort'] as const) client.on(event, end)
    try {
      await this.#within(client.connect(this.#endpoint.url))
      const user = await userOf(this.#endpoint.user, library.UserTokenType)
      const session = await this.#within(client.createSession(user))
      session.on('session_closed', end)
      const namespaces = await this.#within(session.readNamespaceArray())
      this.#trouble = 'the connection was lost'
      if (!lost.signal.aborted && !this.#stop.signal.aborted)
        this.#connection = { session, namespaces, lost: lost.signal, end }
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

  async #factsOf(server: Buffer): Promise<Record<string, string>> {
    const [theirs, ours] = [
      new X509Certificate(server),
      new X509Certificate(await readFile(this.#endpoint.certificate)),
    ]
    return {
      security: `${this.#endpoint.securityPolicy}, ${this.#endpoint.securityMode}`,
      certificate: theirs.subject.replaceAll('\n', ', '),
      certificate_sha256: fingerprintOf(theirs),
      certificate_valid_to: theirs.validTo,
      our_certificate_valid_to: ours.validTo,
    }
  }
}

type Within = <Result>(work: Promise<Result>) => Promise<Result>

/** Asks a server, over a channel without security, for the certificate of the endpoint that is wanted. Proves nothing yet. */
export async function serverCertificate(endpoint: OpcUaEndpoint, within: Within): Promise<Buffer> {
  const library = await import('node-opcua-client')
  const client = library.OPCUAClient.create({
    ...(await clientOptions(endpoint)),
    securityMode: library.MessageSecurityMode.None,
    securityPolicy: library.SecurityPolicy.None,
  })
  try {
    await within(client.connect(endpoint.url))
    const offered = await within(client.getEndpoints())
    const wanted = offered.find(
      ({ securityPolicyUri, securityMode }) =>
        securityPolicyUri === library.SecurityPolicy[endpoint.securityPolicy] &&
        securityMode === library.MessageSecurityMode[endpoint.securityMode],
    )
    if (!wanted)
      throw new Error(`the server does not offer ${endpoint.securityPolicy} with ${endpoint.securityMode}`)
    // A chain comes in one piece: the first is the server's own.
    return new X509Certificate(wanted.serverCertificate).raw
  } finally {
    await within(client.disconnect()).catch(() => {})
  }
}

async function clientOptions(endpoint: OpcUaEndpoint) {
  const { InMemoryCertificateStore } = await import('node-opcua-common')
  const certificate = new X509Certificate(await readFile(endpoint.certificate))
  const applicationUri = /URI:([^,]+)/.exec(certificate.subjectAltName ?? '')?.[1]
  if (!applicationUri)
    throw new Error(
      `${endpoint.certificate} names no application: it needs a URI as subject alternative name`,
    )
  return {
    applicationName: 'holdfast',
    clientName: 'holdfast',
    applicationUri,
    certificateFile: endpoint.certificate,
    privateKeyFile: endpoint.key,
    clientCertificateManager: new InMemoryCertificateStore(),
    endpointMustExist: false,
    keepSessionAlive: true,
    connectionStrategy: { maxRetry: 0 },
  }
}

async function userOf(
  user: OpcUaUser,
  types: typeof import('node-opcua-client').UserTokenType,
): Promise<UserIdentityInfo> {
  switch (user.kind) {
    case 'anonymous':
      return { type: types.Anonymous }
    case 'password': {
      const password = (await readFile(user.passwordFile, 'utf8')).replace(/\r?\n$/, '')
      return { type: types.UserName, userName: user.name, password }
    }
    case 'certificate': {
      const certificateData = new X509Certificate(await readFile(user.certificate)).raw
      return { type: types.Certificate, certificateData, privateKey: await readFile(user.key, 'utf8') }
    }
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
