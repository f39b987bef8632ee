import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect, TLSSocket } from 'node:tls'
import type { Facts } from '../identity.ts'
import type { Way } from './link.ts'
import { Mbap } from './mbap.ts'
import { roleIn } from './role.ts'
import { KEEP_ALIVE, peerOf, type TcpEndpoint } from './tcp.ts'

export interface TlsEndpoint extends TcpEndpoint {
  /** Files in PEM: our certificate, its key, and the authorities whose devices are trusted. */
  readonly certificate: string
  readonly key: string
  readonly ca: string
  /** The name that the device's certificate must have, where it is not `host`. */
  readonly serverName?: string | undefined
}

/**
 * MODBUS/TCP Security (MB-TCP-Security-v36): Modbus TCP inside TLS 1.2 or 1.3, with a certificate at either end. The device's
 * must be of a trusted authority, in time, and its own. What our role in the plant is stands in our certificate; the device
 * decides what it lets that role do. The files are read for each connection, so new ones are taken up with the next.
 */
export function tlsWay(endpoint: TlsEndpoint): Way {
  const { host, port } = endpoint
  let ours: X509Certificate | undefined
  return {
    name: `${host}:${port} (TLS)`,
    framing: () => new Mbap(),
    open: async signal => {
      const [cert, key, ca] = await Promise.all(
        [endpoint.certificate, endpoint.key, endpoint.ca].map(path => readFile(path)),
      )
      ours = new X509Certificate(cert ?? '')
      const name = endpoint.serverName ?? host
      const socket = connect({
        host,
        port,
        cert,
        key,
        ca,
        minVersion: 'TLSv1.2',
        // Said here, it overrules NODE_TLS_REJECT_UNAUTHORIZED.
        rejectUnauthorized: true,
        // A name is asked for and checked; an address is only checked (RFC 6066 §3).
        ...(isIP(name) ? {} : { servername: name }),
        ...(endpoint.serverName === undefined ? {} : { checkServerIdentity: checkAgainst(name) }),
      })
      socket.setNoDelay(true)
      socket.setKeepAlive(KEEP_ALIVE)
      try {
        await once(socket, 'secureConnect', { signal })
        return socket
      } catch (error) {
        socket.destroy()
        throw error
      }
    },
    about: stream => factsOf(stream, ours),
    certificate: shownBy,
  }
}

/** Checks the certificate against a name of its own, where the address is not what stands in it. */
function checkAgainst(name: string): typeof checkServerIdentity {
  return (_host, certificate) => checkServerIdentity(name, certificate)
}

function shownBy(stream: Duplex): X509Certificate | undefined {
  return stream instanceof TLSSocket ? stream.getPeerX509Certificate() : undefined
}

function factsOf(stream: Duplex, ours: X509Certificate | undefined): Facts {
  if (!(stream instanceof TLSSocket)) return {}
  const theirs = shownBy(stream)
  const role = theirs && roleIn(theirs.raw)
  const ourRole = ours && roleIn(ours.raw)
  return {
    ...peerOf(stream),
    tls: `${stream.getProtocol()}, ${stream.getCipher().standardName}`,
    ...(theirs
      ? { certificate: theirs.subject.replaceAll('\n', ', '), certificate_valid_to: theirs.validTo }
      : {}),
    ...(role === undefined ? {} : { certificate_role: role }),
    ...(ours ? { our_certificate_valid_to: ours.validTo } : {}),
    ...(ourRole === undefined ? {} : { our_role: ourRole }),
  }
}
