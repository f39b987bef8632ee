import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpcUaEndpoint } from '../../../drivers/opcua/endpoint.ts'
import { TrustedServers } from '../../../drivers/opcua/trust.ts'
import { TcpGate } from '../../tcp-gate.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { Open62541 } from './open62541.ts'
import { applicationCertificate } from './server.ts'

/** A server of open62541 that trusts our application and a user, and whose certificate we trust. */
export async function foreignSite(environment: Readonly<Record<string, string>> = {}) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const [own, gateway, olive] = await Promise.all(
    ['server', 'gateway', 'olive'].map(name => applicationCertificate(folder.path, name)),
  )
  assert.ok(own && gateway && olive)
  const server = stack.use(
    await Open62541.start(
      folder.path,
      own,
      'urn:plant:server',
      [gateway.certificate, olive.certificate],
      environment,
    ),
  )
  const gate = stack.use(new TcpGate(server.port))
  await gate.open()
  const trusted = join(folder.path, 'trusted')
  await new TrustedServers(trusted).trust(new X509Certificate(await readFile(own.certificate)).raw)
  const endpoint: OpcUaEndpoint = {
    url: `opc.tcp://127.0.0.1:${gate.port}`,
    securityPolicy: 'Basic256Sha256',
    securityMode: 'SignAndEncrypt',
    ...gateway,
    trusted,
    user: { kind: 'anonymous' },
  }
  const running = stack.move()
  return {
    folder: folder.path,
    server,
    gate,
    olive,
    endpoint,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
