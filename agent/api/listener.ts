import { chmod, lstat, mkdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { TLSSocket } from 'node:tls'
import type { Clock, Millis } from '../../model/time.ts'
import { inNetworks } from '../command/authorize.ts'
import { refuseForeignSite } from '../command/foreign-site.ts'
import { readFields, sourceOf } from '../command/receive.ts'
import type { Channel } from '../command/received.ts'
import { type Refused, refuse } from '../command/refused.ts'
import type { ListenerConfig } from '../config/config.ts'
import { answerRefusal, rawAnswer } from './answers.ts'
import { CONNECTIONS_MAX, Connections } from './connections.ts'
import { clientOf, readTls, watchTls } from './tls.ts'

/** What a listener hands on. */
export interface Handler {
  handle(request: IncomingMessage, response: ServerResponse, channel: Channel): Promise<void>
  /** A connection that ended or broke before there was a whole request. Returns what to say to it, if it still listens. */
  broken(channel: Channel, source: string, refused: Refused): string
  /** Something that an engineer should know of a listener. `bad` when it should be mended. */
  notice(listener: string, detail: string, bad: boolean): void
}

/** Where a listener really listens: the port is the kernel's where the configuration said 0. */
export interface Listening extends AsyncDisposable {
  readonly name: string
  readonly address: string
}

/** Why a listener could not be opened, for the engineer: its address cannot be had, or its certificate files not read. */
export class ListenFailure extends Error {
  override readonly name = 'ListenFailure'
  readonly obstacle: 'address' | 'unreadable'

  constructor(message: string, obstacle: 'address' | 'unreadable') {
    super(message)
    this.obstacle = obstacle
  }
}

const HEADER_BYTES_MAX = 16 * 1024
const CLOSE_GRACE: Millis = 1000

/** How long a listener waits for the other end. */
export interface Patience {
  readonly handshake: Millis
  readonly head: Millis
  readonly request: Millis
  /** For the next request. */
  readonly next: Millis
  /** For whoever does not take what is being sent. */
  readonly reader: Millis
}

const PATIENCE: Patience = { handshake: 5000, head: 5000, request: 10_000, next: 30_000, reader: 30_000 }

/** How the server reads requests, on every listener. */
const httpWith = ({ head, request, next }: Patience) => ({
  maxHeaderSize: HEADER_BYTES_MAX,
  // A request that dribbles in holds a connection for this long and no longer.
  headersTimeout: head,
  requestTimeout: request,
  keepAliveTimeout: next,
  connectionsCheckingInterval: Math.min(head, 1000),
  // A request without Host is refused by us, in our form, and is in the log.
  requireHostHeader: false,
})

/** Opens one listener of the configuration. Throws ListenFailure when its address cannot be had. */
export async function listen(
  config: ListenerConfig,
  handler: Handler,
  clock: Clock,
  patience = PATIENCE,
): Promise<Listening> {
  const general = channelOf(config)
  const connections = new Connections(clock)
  const answering = new WeakSet<Socket>()
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    answering.add(request.socket)
    response.once('close', () => answering.delete(request.socket))
    // A command may take its time; whoever does not take what is being sent may not.
    response.on('timeout', (socket: Socket) => void (socket.writableLength > 0 && socket.destroy()))
    void handler.handle(request, response, channelFor(config, general, request.socket))
  }
  const refuseBroken = (socket: Socket, why: Refused): void => {
    const channel = channelFor(config, general, socket)
    connections.end(socket, handler.broken(channel, sourceOf(socket.remoteAddress), why))
  }
  const server =
    config.kind === 'tls'
      ? await makeTlsServer(config, patience, answer)
      : createServer(httpWith(patience), answer)
  // An expectation that is not known is let be: what it asks for does not change what is answered.
  server.on('checkExpectation', answer)
  server.on('connect', (request: IncomingMessage) => {
    const channel = channelFor(config, general, request.socket)
    const head = { channel, method: 'CONNECT', authority: '', path: '', fields: readFields(request) }
    const foreign = refuseForeignSite(head)
    refuseBroken(request.socket, foreign ?? refuse('method-not-allowed', 'there is no CONNECT'))
  })
  server.timeout = patience.reader
  server.maxConnections = CONNECTIONS_MAX
  server.on('connection', (socket: Socket) => {
    const source = sourceOf(socket.remoteAddress)
    // Outside the allowed networks nobody is answered and nothing is counted as evidence.
    if (config.kind !== 'unix' && !inNetworks(source, config.allowedNetworks)) return void socket.destroy()
    connections.add(socket, config.kind === 'unix' ? undefined : source)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (connections.isEnding(socket)) return
    const why = describeClientError(error)
    // A request whose head came in is refused, and recorded, where it is read.
    if (answering.has(socket)) return connections.end(socket, rawAnswer(answerRefusal(why.refusal)))
    if (!(socket instanceof TLSSocket) || socket.authorized) return refuseBroken(socket, why)
    // Nobody was let in who could be told anything. The server says it as `tlsClientError` too.
    handler.broken(general, sourceOf(socket.remoteAddress), describeHandshake(error))
    connections.end(socket)
  })
  await open(server, config)
  const watching = new AbortController()
  if (config.kind === 'tls') {
    const tell = (detail: string, taken: boolean) => handler.notice(config.name, detail, !taken)
    void watchTls(server as TlsServer, config.files, clock, watching.signal, tell)
  }
  return {
    name: config.name,
    address: addressOf(server, config),
    [Symbol.asyncDispose]: async () => {
      watching.abort()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeIdleConnections()
      // Whoever is being answered gets the answer; whoever only holds a connection, whatever it is by now, does not hold up the stop.
      const grace = new AbortController()
      void clock.sleep(CLOSE_GRACE, grace.signal).then(() => connections[Symbol.dispose]())
      await closed
      grace.abort()
    },
  }
}

function channelOf(config: ListenerConfig): Channel {
  return config.kind === 'unix'
    ? {
        name: config.name,
        identity: `whoever may open ${config.name}`,
        unattributed: 'count',
        admin: config.admin,
      }
    : {
        name: config.name,
        // Over TLS everybody is known who gets as far as a request.
        unattributed: config.kind === 'tcp' ? config.unattributedFailures : 'count',
        admin: false,
        panel: config.panel,
      }
}

/** The channel of one connection: over TLS it knows who is at the other end. */
function channelFor(config: ListenerConfig, general: Channel, socket: Socket): Channel {
  if (config.kind !== 'tls') return general
  const certificate = clientOf(socket as TLSSocket)
  if (!certificate) return general
  return { ...general, certificate, identity: `certificate ${certificate.spiffe ?? certificate.sha256}` }
}

async function makeTlsServer(
  config: Extract<ListenerConfig, { kind: 'tls' }>,
  patience: Patience,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<TlsServer> {
  try {
    const context = { ...(await readTls(config.files)), handshakeTimeout: patience.handshake }
    const http = httpWith(patience)
    return createTlsServer({ ...http, ...context, requestCert: true, rejectUnauthorized: true }, answer)
  } catch (error) {
    throw new ListenFailure(
      `listener ${config.name}: its certificate files cannot be used: ${(error as Error).message}`,
      'unreadable',
    )
  }
}

async function open(server: Server | TlsServer, config: ListenerConfig): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  if (config.kind !== 'unix') {
    server.listen({ host: config.host, port: config.port }, resolve)
  } else {
    await mkdir(dirname(config.path), { recursive: true })
    await removeDeadSocket(config.path)
    // Nobody may connect between bind and chmod. The mask is the whole process's: what other threads make in this moment, their makers must be able to use.
    const before = process.umask(0o077)
    server.listen(config.path, resolve)
    process.umask(before)
  }
  try {
    await promise
    if (config.kind === 'unix') await chmod(config.path, config.mode)
  } catch (error) {
    const where = config.kind === 'unix' ? config.path : `${config.host}:${config.port}`
    throw new ListenFailure(
      `listener ${config.name}: cannot listen on ${where}: ${(error as Error).message}`,
      'address',
    )
  }
  server.removeListener('error', reject)
  // A connection that the kernel could not hand over is lost to whoever opened it; the others go on.
  server.on('error', () => {})
}

/** Removes a socket that a killed agent left behind; never one that somebody still answers on. */
async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return
  // Whatever else is there is somebody's, and listening says that the place is taken.
  if (found.isSocket() && !(await isAnswering(path))) await rm(path, { force: true })
}

/** Whether somebody listens on a unix socket. */
export function isAnswering(path: string): Promise<boolean> {
  return new Promise<boolean>(resolve => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    // Only a refusal says that nobody is there: a socket that may not be opened, or is busy, has somebody.
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })
}

function addressOf(server: Server | TlsServer, config: ListenerConfig): string {
  const address = server.address()
  if (config.kind === 'unix' || address === null || typeof address === 'string') {
    return `unix:${config.kind === 'unix' ? config.path : ''}`
  }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${config.kind === 'tls' ? 'https' : 'http'}://${host}:${address.port}`
}

function describeClientError(error: NodeJS.ErrnoException): Refused {
  switch (error.code) {
    case 'HPE_INVALID_EOF_STATE':
    case 'ECONNRESET':
      return refuse('body-truncated', 'the connection ended before the request was whole')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refuse('body-truncated', 'the request did not come in whole in time')
    case 'HPE_HEADER_OVERFLOW':
      return refuse('request-malformed', `the header is larger than ${HEADER_BYTES_MAX} bytes`)
    default:
      return refuse('request-malformed', 'this is not an HTTP/1.1 request')
  }
}

function describeHandshake({ message }: Error): Refused {
  return refuse(
    'identity-denied',
    `the TLS handshake failed: ${message}`,
    'use a certificate of the right authority, and TLS 1.3',
  )
}
