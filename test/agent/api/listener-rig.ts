import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { type Handler, type Listening, listen, type Patience } from '../../../agent/api/listener.ts'
import type { ListenerConfig } from '../../../agent/config/config.ts'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { Authority } from '../certificates.ts'

export type Kind = 'tcp' | 'unix' | 'tls'
export const KINDS: readonly Kind[] = ['tcp', 'unix', 'tls']

/** So little that a test need not wait long, and more than a busy machine takes to read what has come. */
export const LITTLE_PATIENCE: Patience = { handshake: 50, head: 50, request: 50, next: 50, reader: 500 }

/** More than fits on the way: it is still being sent when a client breaks off. */
const MUCH = 'x'.repeat(8_000_000)

/** A listener on a clock that stands still, what it told its handler, and clients that need not behave. */
export async function listenerRig(kind: Kind, patience?: Patience) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const at = { name: 'rig', host: '127.0.0.1', port: 0, allowedNetworks: ['127.0.0.0/8'] }
  let config = {
    ...at,
    kind,
    path: join(folder.path, 'rig.sock'),
    mode: 0o600,
    admin: false,
  } as ListenerConfig
  let secured = {}
  if (kind === 'tls') {
    const plant = await Authority.make(folder.path, 'plant-ca')
    const files = { ...(await plant.issue('gateway', 'IP:127.0.0.1')), clientCa: plant.path }
    config = { ...config, files } as ListenerConfig
    const { certificate: cert, key, ca } = await plant.client('panel', 'URI:spiffe://plant/panel')
    secured = { cert, key, ca }
  }
  const clock = new VirtualClock()
  const refused: string[] = []
  const handler: Handler = {
    handle: async ({ url }, response) => {
      // Longer than little patience, by the machine's own clock: that is what Node goes by.
      if (url === '/late') await systemClock.sleep(900)
      if (url === '/never') return
      response.end(url === '/much' ? MUCH : 'answered')
    },
    broken: (_channel, _source, { refusal }) => {
      refused.push(refusal.code)
      return `HTTP/1.1 ${refusal.status} Refused\r\n\r\n${MUCH}`
    },
    notice: () => {},
  }
  const listening: Listening = await listen(config, handler, clock, patience)
  const { port } = kind === 'unix' ? { port: '' } : new URL(listening.address)
  /** The listener's ends of its connections, as the kernel has them. */
  const accepted: Socket[] = []
  const onAccepted = (message: unknown) => void accepted.push((message as { socket: Socket }).socket)
  subscribe('net.server.socket', onAccepted)
  const clients: Socket[] = []
  stack.defer(async () => {
    unsubscribe('net.server.socket', onAccepted)
    for (const socket of [...clients, ...accepted]) socket.destroy()
    await listening[Symbol.asyncDispose]()
  })
  /** Connects without TLS, whatever the listener is; an end that is not ended by the other. */
  const raw = async (from = '127.0.0.1'): Promise<{ client: Socket; server: Socket }> => {
    const path = config.kind === 'unix' ? config.path : ''
    const client =
      kind === 'unix'
        ? connect({ path, allowHalfOpen: true })
        : connect({ host: '127.0.0.1', port: Number(port), localAddress: from, allowHalfOpen: true })
    clients.push(client.on('error', () => {}))
    const before = accepted.length
    await once(client, 'connect')
    while (accepted.length === before) await new Promise(resolve => setImmediate(resolve))
    return { client, server: accepted[before] ?? new Socket() }
  }
  /** Connects as the listener wants it. `wire` is what is below TLS. */
  const open = async (): Promise<{ client: Socket; wire: Socket; server: Socket }> => {
    const { client: wire, server } = await raw()
    if (kind !== 'tls') return { client: wire, wire, server }
    const client = connectTls({ socket: wire, host: '127.0.0.1', ...secured })
    clients.push(client.on('error', () => {}))
    await once(client, 'secureConnect')
    return { client, wire, server }
  }
  /** What an honest client is answered. */
  const ask = async (): Promise<string> => {
    const { client } = await open()
    client.end('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    let said = ''
    client.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
    })
    await gone(client)
    return said.split('\r\n')[0] ?? ''
  }
  return {
    clock,
    listening,
    refused,
    accepted,
    raw,
    open,
    ask,
    [Symbol.asyncDispose]: () => stack.disposeAsync().then(() => undefined),
  }
}

/** Resolves once a socket is gone, however it went. */
export async function gone(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
}
