import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { roleIn } from '../../../drivers/modbus/role.ts'
import { type TlsEndpoint, tlsWay } from '../../../drivers/modbus/tls.ts'
import { Authority } from '../../agent/certificates.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { OddServer, registerDevice } from './odd-server.ts'
import { TlsFront } from './tls-front.ts'

/** A plant with a certificate authority, and a device with a register behind TLS. */
async function plant(names = 'IP:127.0.0.1', version?: 'TLSv1.2' | 'TLSv1.1') {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const authority = await Authority.make(folder.path, 'plant-ca')
  const device = stack.use(await OddServer.start(registerDevice(new Map([[1, 77]]))))
  const versions = version ? ({ minVersion: 'TLSv1', maxVersion: version } as const) : {}
  const files = await authority.issue('plc', names)
  const front = stack.use(
    new TlsFront({ host: '127.0.0.1', port: device.port }, files, authority.path, versions),
  )
  await front.restore()
  const ours = await authority.issue('gateway', 'DNS:gateway')
  const endpoint: TlsEndpoint = { host: '127.0.0.1', port: front.port, ...ours, ca: authority.path }
  const running = stack.move()
  return { folder: folder.path, authority, endpoint, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function readOnce(endpoint: TlsEndpoint) {
  await using connected = await Connected.to(tlsWay(endpoint))
  const driver = connected.driver({ one: { holding_register: 1 } })
  const reading = await driver.read('one', 2000)
  return { reading, facts: connected.link.facts }
}

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  test(`a device with a certificate of the plant is read over ${version}`, async () => {
    await using site = await plant('IP:127.0.0.1', version === 'TLSv1.2' ? version : undefined)
    const { reading, facts } = await readOnce(site.endpoint)
    assert.equal(valueIn(reading), 77)
    assert.match(facts.tls ?? '', new RegExp(version))
    assert.match(facts.certificate ?? '', /CN=plc/)
  })
}

/** Why a device is not talked to. */
function refusal({ reading }: Awaited<ReturnType<typeof readOnce>>): string {
  return reading.kind === 'failed' ? reading.reason : `it was read: ${JSON.stringify(reading)}`
}

test('a device of another authority is not talked to', async () => {
  await using site = await plant()
  const other = await Authority.make(site.folder, 'other-ca')
  assert.match(refusal(await readOnce({ ...site.endpoint, ca: other.path })), /certificate/)
})

test('a device of another authority is not talked to when the environment says that certificates do not matter', async () => {
  await using site = await plant()
  const other = await Authority.make(site.folder, 'other-ca')
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  try {
    assert.match(refusal(await readOnce({ ...site.endpoint, ca: other.path })), /certificate/)
  } finally {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
  }
})

test('a device with the certificate of another device is not talked to', async () => {
  await using site = await plant('DNS:another-plc')
  assert.match(refusal(await readOnce(site.endpoint)), /does not match certificate/)
})

test('a device may be known by a name that is not its address', async () => {
  await using site = await plant('DNS:plc-7.plant.example')
  const { reading } = await readOnce({ ...site.endpoint, serverName: 'plc-7.plant.example' })
  assert.equal(valueIn(reading), 77)
  assert.match(
    refusal(await readOnce({ ...site.endpoint, serverName: 'plc-8.plant.example' })),
    /does not match/,
  )
})

test('TLS 1.1 is too old', async () => {
  await using site = await plant('IP:127.0.0.1', 'TLSv1.1')
  assert.match(refusal(await readOnce(site.endpoint)), /127\.0\.0\.1/)
})

test('a device that does not know our authority tells, and nothing is written', async () => {
  await using site = await plant()
  const other = await Authority.make(site.folder, 'other-ca')
  const ours = await other.issue('stranger', 'DNS:gateway')
  const { reading } = await readOnce({ ...site.endpoint, ...ours })
  assert.equal(reading.kind, 'failed')
})

test('a certificate file that is missing is said, with its name', async () => {
  await using site = await plant()
  assert.match(
    refusal(await readOnce({ ...site.endpoint, key: '/nowhere/gateway.key' })),
    /nowhere\/gateway\.key/,
  )
})

test('the role in a certificate is read, and reported', async () => {
  await using site = await plant()
  const role = join(site.folder, 'role')
  await writeFile(`${role}.cnf`, '1.3.6.1.4.1.50316.802.1=ASN1:UTF8String:operator\n')
  const openssl = (...words: string[]) => execa('openssl', words, { cwd: site.folder })
  await openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=gateway',
    '-keyout',
    `${role}.key`,
    '-out',
    'r.csr',
  )
  await openssl(
    ...['x509', '-req', '-in', 'r.csr', '-CA', 'plant-ca.pem', '-CAkey', 'plant-ca.key', '-CAcreateserial'],
    ...['-days', '2', '-extfile', `${role}.cnf`, '-out', `${role}.pem`],
  )
  assert.equal(roleIn(new X509Certificate(await readFile(`${role}.pem`)).raw), 'operator')
  const { facts } = await readOnce({ ...site.endpoint, certificate: `${role}.pem`, key: `${role}.key` })
  assert.equal(facts.our_role, 'operator')
  assert.equal('certificate_role' in facts, false)
})

test('what is no certificate has no role, whatever it is', () => {
  for (const hex of ['', '30', '3082ffff', '30800000', '3003020101', 'a'.repeat(4000)])
    assert.equal(roleIn(Buffer.from(hex, 'hex')), undefined)
})
