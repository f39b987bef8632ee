import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Way } from './link.ts'
import { Mbap } from './mbap.ts'
import { Rtu } from './rtu.ts'

export interface TcpEndpoint {
  readonly host: string
  readonly port: number
}

/** Modbus TCP (MODBUS Messaging on TCP/IP V1.0b). */
export function tcpWay(endpoint: TcpEndpoint): Way {
  return { name: nameOf(endpoint), framing: () => new Mbap(), open: signal => openTcp(endpoint, signal) }
}

/** Modbus RTU frames in a TCP stream, as serial device servers pass them through. */
export function rtuOverTcpWay(endpoint: TcpEndpoint): Way {
  return { name: nameOf(endpoint), framing: () => new Rtu(0), open: signal => openTcp(endpoint, signal) }
}

function nameOf({ host, port }: TcpEndpoint): string {
  return `${host}:${port}`
}

/** More than the answers that can be on their way at once. */
const BUFFER_BYTES = 65_536

async function openTcp({ host, port }: TcpEndpoint, signal: AbortSignal): Promise<Socket> {
  const socket: Socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
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
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
