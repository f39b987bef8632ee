import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import type { OpcUaEndpoint } from '../../../drivers/opcua/endpoint.ts'
import { OpcUaLink } from '../../../drivers/opcua/link.ts'
import { type Call, type OpcUaPoint, parseNodeName } from '../../../drivers/opcua/point.ts'
import { TrustedServers } from '../../../drivers/opcua/trust.ts'
import { TcpGate } from '../../tcp-gate.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { applicationCertificate, NAMESPACE, ValveServer } from './server.ts'

/** A node of the valve server. */
export function point(name: string, more: Partial<OpcUaPoint> = {}): OpcUaPoint {
  const node = parseNodeName(`nsu=${NAMESPACE};s=${name}`)
  if (!node) throw new Error(name)
  return { protocol: 'opcua', node, scale: 1, offset: 0, ...more }
}

/** A method for each value. */
export function byValue(methods: Readonly<Record<number, string>>): Call {
  const names = Object.entries(methods).map(([value, name]) => [Number(value), point(name).node] as const)
  return { method: new Map(names), arguments: [] }
}

export const POINTS = new Map<string, OpcUaPoint>([
  ['out', point('Valve.Out', { dataType: 'Double' })],
  ['in', point('Valve.In')],
  [
    'move',
    point('Valve', {
      call: { method: point('Valve.Move').node, arguments: ['setpoint'] },
      dataType: 'Double',
    }),
  ],
  ['start', point('Valve', { call: byValue({ 1: 'Valve.Open', 0: 'Valve.Close' }) })],
  ['text', point('Valve.Text')],
  ['elsewhere-on-the-server', point('Nothing')],
])

/** One line, of a length that a person reads, in letters that steer no terminal. */
export const CLEAR = /^[^\p{C}]{3,400}$/u

/** A server with a valve, our application, and the server's certificate trusted. */
export async function site() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const server = stack.use(await ValveServer.start(folder.path))
  const gate = stack.use(new TcpGate(server.port))
  await gate.open()
  const trusted = new TrustedServers(join(folder.path, 'trusted'))
  await trusted.trust(new X509Certificate(await readFile(join(folder.path, 'server.pem'))).raw)
  const endpoint: OpcUaEndpoint = {
    url: `opc.tcp://127.0.0.1:${gate.port}`,
    securityPolicy: 'Basic256Sha256',
    securityMode: 'SignAndEncrypt',
    ...(await applicationCertificate(folder.path, 'gateway')),
    trusted: join(folder.path, 'trusted'),
    user: { kind: 'anonymous' },
  }
  const running = stack.move()
  return { folder: folder.path, server, gate, endpoint, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** A driver, once the first attempt to connect has ended. */
export async function connect(endpoint: OpcUaEndpoint, points: ReadonlyMap<string, OpcUaPoint> = POINTS) {
  const link = new OpcUaLink(endpoint, 2000, systemClock, () => 0)
  await link.attempted
  return new OpcUaDriver(link, points, systemClock)
}
