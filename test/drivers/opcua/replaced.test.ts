import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import { TrustedServers } from '../../../drivers/opcua/trust.ts'
import { TcpGate } from '../../tcp-gate.ts'
import { foreignSite } from './foreign-site.ts'
import { Open62541 } from './open62541.ts'
import { applicationCertificate } from './server.ts'
import { connect } from './site.ts'

const LATER = 5000

/** Waits until the connection is what is wanted; the test's deadline ends what never comes. */
async function until(driver: OpcUaDriver, wanted: (trouble: string | undefined) => boolean): Promise<void> {
  const trouble = () => {
    const { connection } = driver.link
    return 'trouble' in connection ? connection.trouble : undefined
  }
  while (!wanted(trouble())) await new Promise(resolve => setImmediate(resolve))
}

test('a server whose certificate is replaced while the agent runs is not talked to until somebody trusts the new one', async () => {
  await using plant = await foreignSite()
  await using driver = await connect(plant.endpoint)
  assert.equal((await driver.write('out', 1, LATER)).kind, 'accepted')

  const folder = join(plant.folder, 'new')
  await mkdir(folder)
  const renewed = await applicationCertificate(folder, 'server')
  await using other = await Open62541.start(folder, renewed, 'urn:plant:server', [plant.endpoint.certificate])
  await plant.gate.shut()
  await using gate = new TcpGate(other.port)
  gate.port = plant.gate.port
  await gate.open()

  await until(driver, trouble => trouble?.includes('not trusted') ?? false)
  const written = await driver.write('out', 2, LATER)
  const certificate = new X509Certificate(await readFile(renewed.certificate))
  const sha256 = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  assert.equal(written.kind, 'unreachable')
  assert.ok('reason' in written && written.reason.includes(sha256), JSON.stringify(written))
  assert.equal((await other.ask()).out, 0)

  await new TrustedServers(plant.endpoint.trusted).trust(certificate.raw)
  await until(driver, trouble => trouble === undefined)
  assert.equal((await driver.write('out', 3, LATER)).kind, 'accepted')
  assert.equal((await other.ask()).out, 3)
})

test('a certificate of ours that is renewed on disk is shown with the next connection', async () => {
  await using plant = await foreignSite()
  const folder = join(plant.folder, 'new')
  await mkdir(folder)
  const renewed = await applicationCertificate(folder, 'gateway', 9)
  const own = await applicationCertificate(folder, 'server')
  await using server = await Open62541.start(folder, own, 'urn:plant:server', [renewed.certificate])
  const trusted = new TrustedServers(plant.endpoint.trusted)
  await trusted.trust(new X509Certificate(await readFile(own.certificate)).raw)

  await using gate = new TcpGate(server.port)
  await gate.open()
  await using driver = await connect({ ...plant.endpoint, url: `opc.tcp://127.0.0.1:${gate.port}` })
  assert.match(driver.link.facts.our_certificate_valid_to ?? '', /in 1 days/)
  assert.equal((await driver.read('out', LATER)).kind, 'failed', 'this server does not know the old one')
  await copyFile(renewed.certificate, plant.endpoint.certificate)
  await copyFile(renewed.key, plant.endpoint.key)
  await until(driver, trouble => trouble === undefined)
  assert.match(driver.link.facts.our_certificate_valid_to ?? '', /in 8 days/)
  assert.equal((await driver.read('out', LATER)).kind, 'value')
})
