import { AsyncLocalStorage } from 'node:async_hooks'
import type { Server } from 'node:net'
import type * as Library from 'node-opcua-client'
import type { OPCUAServer } from 'node-opcua-server'

/** Who is told of what was not taken: address and port of whoever it is from, and why. */
export type Tell = (peer: string, reason: string) => void

/** A request that waits for something to tell; that it ends without is nobody's mistake. */
const WAITS = 'PublishRequest'

/** From whom the bytes are that are being looked at: what is asked about a certificate does not say whose it is. */
export const sender = new AsyncLocalStorage<string>()

interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** Why a connection ended, in words. */
export function endOf({ StatusCodes }: typeof Library, status: number | undefined): string {
  if (status === undefined) return 'the connection ended before there was a channel'
  const codes: readonly Library.StatusCode[] = Object.values(StatusCodes)
  const name = codes.find(({ value }) => value === status)?.name ?? `0x${status.toString(16)}`
  return `the connection was ended: ${name}`
}

/** An address and a port, as they are told. */
export function peerOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress}:${remotePort}`
}

/** Tells of connections for which there is no place, and of requests that are refused as a whole. */
export function watchRefusals(server: OPCUAServer, listener: Server, tell: Tell): void {
  listener.on('drop', dropped => {
    if (dropped) tell(peerOf(dropped), 'no more connections are taken')
  })
  server.on('newChannel', channel => {
    const send = channel.send_response.bind(channel)
    channel.send_response = (type, response, message, callback) => {
      const service = message.request.schema.name
      const { serviceResult } = response.responseHeader
      if (serviceResult.isBad() && service !== WAITS)
        tell(peerOf(channel), `${service.replace(/Request$/, '')}: ${serviceResult.name}`)
      return send(type, response, message, callback)
    }
  })
}
