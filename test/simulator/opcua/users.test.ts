import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import type { OpcUaEndpoint } from '../../../drivers/opcua/endpoint.ts'
import { OpcUaLink } from '../../../drivers/opcua/link.ts'
import { TrustedServers } from '../../../drivers/opcua/trust.ts'
import { valueIn } from '../../drivers/driver.contract.ts'
import { applicationCertificate } from '../../drivers/opcua/server.ts'
import { NAMESPACE, startOpcUaPlant, USER } from './opcua-plant.ts'

const node = { namespace: NAMESPACE, identifier: 's=tank.level' }
const POINTS = new Map([['level', { protocol: 'opcua' as const, node, scale: 1, offset: 0 }]])

async function levelOver(endpoint: OpcUaEndpoint): Promise<number | string> {
  const link = new OpcUaLink(endpoint, 2000, systemClock, () => 0)
  await using driver = new OpcUaDriver(link, POINTS, systemClock)
  await link.attempted
  return valueIn(await driver.read('level', 5000))
}

it('every policy and mode takes a password and an approved certificate of a user, and nobody else', async () => {
  await using site = await startOpcUaPlant()
  const at = (...path: string[]) => join(site.folder, ...path)
  const trusted = at('trusted-servers')
  await new TrustedServers(trusted).trust(new X509Certificate(site.plant.opcua?.certificate ?? '').raw)
  await writeFile(at('password'), USER[1])
  const [known, stranger] = [
    await applicationCertificate(site.folder, 'known'),
    await applicationCertificate(site.folder, 'stranger'),
  ]
  await copyFile(known.certificate, at('plc', 'users', 'trusted', 'known.pem'))
  const base = { url: site.url, ...site.client, trusted }
  for (const securityPolicy of ['Basic256Sha256', 'Aes256_Sha256_RsaPss'] as const) {
    for (const securityMode of ['Sign', 'SignAndEncrypt'] as const) {
      const over = (user: OpcUaEndpoint['user']) => levelOver({ ...base, securityPolicy, securityMode, user })
      const name = `${securityPolicy}, ${securityMode}`
      assert.equal(await over({ kind: 'password', name: USER[0], passwordFile: at('password') }), 1.2, name)
      assert.equal(await over({ kind: 'certificate', ...known }), 1.2, name)
      assert.notEqual(await over({ kind: 'certificate', ...stranger }), 1.2, name)
      assert.notEqual(await over({ kind: 'anonymous' }), 1.2, name)
    }
  }
})
