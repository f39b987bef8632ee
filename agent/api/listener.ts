import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Clock, Millis } from '../../model/time.ts'
import { inNetworks } from '../command/authorize.ts'
import { sourceOf } from '../command/receive.ts'
import type { Channel } from '../command/received.ts'
import { type Refused, refuse } from '../command/refused.ts'
import type { ListenerConfig } from '../config/config.ts'

/** What a listener hands on. */
export interface Handler {
  handle(request: IncomingMessage, response: ServerResponse, channel: Channel): Promise<void>
  /** A connection that ended or broke before there was a whole request. Returns what to say to it, if it still listens. */
  broken(channel: Channel, source: string, refused: Refused): string
}

/** Where a listener really listens: the port is the kernel's where the configuration said 0. */
export interface Listening extends AsyncDisposable {
  readonly name: string
  readonly address: string
  /** Connections that came from outside the allowed networks and were dropped without an answer. */
  readonly dropped: number
}

/** Why a listener could not be opened, for the engineer. */
export class ListenFailure extends Error {
  override readonly name = 'ListenFailure'
}

const HEADER_BYTES_MAX = 16 * 1024
const CONNECTIONS_MAX = 512
const CLOSE_GRACE: Millis = 1000

/** Opens one listener of the configuration. Throws ListenFailure when its address cannot be had. */
export async function listen(config: ListenerConfig, handler: Handler, clock: Clock): Promise<Listening> {
  const channel = channelOf(config)
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      // A request that dribbles in holds a connection for this long and no longer.
      headersTimeout: 5000,
      requestTimeout: 10_000,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => void handler.handle(request, response, channel),
  )
  server.maxConnections = CONNECTIONS_MAX
  let dropped = 0
  server.on('connection', (socket: Socket) => {
    if (config.kind === 'unix') return
    // Outside the allowed networks nobody is answered and nothing is counted as evidence.
    if (inNetworks(sourceOf(socket.remoteAddress), config.allowedNetworks)) return
    dropped += 1
    socket.destroy()
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const answer = handler.broken(channel, sourceOf(socket.remoteAddress), describeClientError(error))
    if (socket.writable) socket.end(answer)
    else socket.destroy()
  })
  await open(server, config)
  return {
    name: config.name,
    address: addressOf(server, config),
    get dropped() {
      return dropped
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeIdleConnections()
      // Whoever is being answered gets the answer; whoever only holds a connection does not hold up the stop.
      const grace = new AbortController()
      void clock.sleep(CLOSE_GRACE, grace.signal).then(() => server.closeAllConnections())
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
    : { name: config.name, unattributed: config.unattributedFailures, admin: false }
}

async function open(server: Server, config: ListenerConfig): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  if (config.kind === 'tcp') {
    server.listen({ host: config.host, port: config.port }, resolve)
  } else {
    await removeDeadSocket(config.path)
    // Nobody may connect between bind and chmod.
    const before = process.umask(0o177)
    server.listen(config.path, resolve)
    process.umask(before)
  }
  try {
    await promise
    if (config.kind === 'unix') await chmod(config.path, config.mode)
  } catch (error) {
    const where = config.kind === 'tcp' ? `${config.host}:${config.port}` : config.path
    throw new ListenFailure(`listener ${config.name}: cannot listen on ${where}: ${(error as Error).message}`)
  }
  server.removeListener('error', reject)
}

/** Removes a socket that a killed agent left behind; never one that somebody still answers on. */
async function removeDeadSocket(path: string): Promise<void> {
  if (!(await isAnswering(path))) await rm(path, { force: true })
}

/** Whether somebody listens on a unix socket. */
export function isAnswering(path: string): Promise<boolean> {
  return new Promise<boolean>(resolve => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

function addressOf(server: Server, config: ListenerConfig): string {
  const address = server.address()
  if (config.kind === 'unix' || address === null || typeof address === 'string') {
    return `unix:${config.kind === 'unix' ? config.path : ''}`
  }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
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
