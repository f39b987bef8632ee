import { once } from 'node:events'
import { connect, isIPv6, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Facts } from '../identity.ts'
import { Echo } from './echo.ts'
import type { Way } from './link.ts'
import { Mbap } from './mbap.ts'
import { Rtu } from './rtu.ts'

export interface TcpEndpoint {
  readonly host: string
  readonly port: number
}

/** Modbus TCP (MODBUS Messaging on TCP/IP V1.0b). */
export function tcpWay(endpoint: TcpEndpoint): Way {
  return { ...wayTo(endpoint), framing: () => new Mbap() }
}

/** Modbus RTU frames in a TCP stream, as serial device servers pass them through. */
export function rtuOverTcpWay(endpoint: TcpEndpoint): Way {
  const echo = new Echo()
  return { ...wayTo(endpoint), framing: () => new Rtu(0, echo) }
}

function wayTo(endpoint: TcpEndpoint): Omit<Way, 'framing'> {
  const { host, port } = endpoint
  return { name: `${host}:${port}`, open: signal => openTcp(endpoint, signal), about: peerOf }
}

/** Which address answered: a name may stand for several, and two names for one. */
export function peerOf(stream: Duplex): Facts {
  if (!(stream instanceof Socket) || stream.remoteAddress === undefined) return {}
  const { remoteAddress, remotePort } = stream
  const address = remoteAddress.replace(/^::ffff:(?=[\d.]+$)/, '')
  return { peer: isIPv6(address) ? `[${address}]:${remotePort}` : `${address}:${remotePort}` }
}

/**
 * A switch that has started anew, or a cable that was pulled, ends no connection. One that carries nothing is asked after five
 * seconds whether its other end is there, and is over five more seconds later: so it is known before the next command is lost in it.
 */
export const KEEP_ALIVE = { enable: true, initialDelay: 5000, interval: 1000, count: 5 }

/** More than the answers that can be on their way at once. */
const BUFFER_BYTES = 65_536

async function openTcp({ host, port }: TcpEndpoint, signal: AbortSignal): Promise<Socket> {
  const socket: Socket = connect({
    host,
    port,
    noDelay: true,
    // Node makes a buffer of this size for each read otherwise, and an answer is a dozen bytes: it took longer to clear them away
    // than to understand the answers.
    onread: {
      buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
      callback: (count, buffer) => {
        socket.emit('data', Buffer.from(buffer.subarray(0, count)))
        return true
      },
    },
  })
  try {
    await once(socket, 'connect', { signal })
    socket.setKeepAlive(KEEP_ALIVE)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
