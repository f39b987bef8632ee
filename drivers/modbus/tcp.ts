import { once } from 'node:events'
import { connect } from 'node:net'
import type { Way } from './link.ts'
import { Mbap } from './mbap.ts'

export interface TcpEndpoint {
  readonly host: string
  readonly port: number
}

/** Modbus TCP (MODBUS Messaging on TCP/IP V1.0b). */
export function tcpWay({ host, port }: TcpEndpoint): Way {
  return {
    name: `${host}:${port}`,
    framing: () => new Mbap(),
    open: async signal => {
      const socket = connect({ host, port, noDelay: true, keepAlive: true })
      try {
        await once(socket, 'connect', { signal })
        return socket
      } catch (error) {
        socket.destroy()
        throw error
      }
    },
  }
}
