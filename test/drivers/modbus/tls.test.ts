import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import tls from 'node:tls'
import { roleIn } from '../../../drivers/modbus/role.ts'
import { type TlsEndpoint, tlsWay } from '../../../drivers/modbus/tls.ts'
import { Authority, type Issued } from '../../agent/certificates.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { valueIn } from '../driver.contract.ts'
import { clientHelloOf, offeredIn } from './client-hello.ts'
import { Connected } from './connected.ts'
import { OddServer, registerDevice } from './odd-server.ts'
import { TlsFront } from './tls-front.ts'

const SOON = 2000

/** A plant with a certificate authority, and a device with a register behind TLS. */
async function plant(names = 'IP:127.0.0.1', version?: 'TLSv1.2' | 'TLSv1.1', issued: Issued = {}) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const authority = await Authority.make(folder.path, 'plant-ca')
  const device = stack.use(await OddServer.start(registerDevice(new Map([[1, 77]]))))
  const versions = version ? ({ minVersion: 'TLSv1', maxVersion: version } as const) : {}
  const files = await authority.issue('plc', names, issued)
  const front = stack.use(
    new TlsFront({ host: '127.0.0.1', port: device.port }, files, authority.path, versions),
  )
  await front.restore()
  const ours = await authority.issue('gateway', 'DNS:gateway')
  const endpoint: TlsEndpoint = { host: '127.0.0.1', port: front.port, ...ours, ca: authority.path }
  const running = stack.move()
  const { requests } = device
  return {
    folder: folder.path,
    authority,
    endpoint,
    requests,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
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

test('TLS 1.1 is neither offered nor taken, also where this host would', async () => {
  const before = [tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] as const
  // As an administrator may set it with NODE_OPTIONS. OpenSSL has the old versions at this security level alone.
  tls.DEFAULT_MIN_VERSION = 'TLSv1'
  tls.DEFAULT_CIPHERS = 'DEFAULT:@SECLEVEL=0'
  try {
    await using site = await plant('IP:127.0.0.1', 'TLSv1.1')
    const [ca, cert, key] = await Promise.all(
      [site.endpoint.ca, site.endpoint.certificate, site.endpoint.key].map(path => readFile(path)),
    )
    const anybody = tls.connect({ host: '127.0.0.1', port: site.endpoint.port, ca, cert, key })
    await once(anybody, 'secureConnect')
    assert.equal(anybody.getProtocol(), 'TLSv1.1')
    anybody.destroy()
    assert.match(refusal(await readOnce(site.endpoint)), /TLS failed: .*protocol version/)
    const hello = await clientHelloOf(async port => {
      const opened = tlsWay({ ...site.endpoint, port }).open(AbortSignal.timeout(SOON))
      await assert.rejects(opened, /disconnected|ECONNRESET/)
    })
    assert.deepEqual(offeredIn(hello), [0x0304, 0x0303])
    const anybodys = await clientHelloOf(async port => {
      const socket = tls.connect({ host: '127.0.0.1', port })
      await assert.rejects(once(socket, 'secureConnect'), /disconnected|ECONNRESET/)
    })
    assert.deepEqual(offeredIn(anybodys), [0x0304, 0x0303, 0x0302, 0x0301])
  } finally {
    ;[tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] = before
  }
})

/** What becomes of a write, and what of it came to the device. */
async function writeOnce({
  endpoint,
  requests,
}: Pick<Awaited<ReturnType<typeof plant>>, 'endpoint' | 'requests'>) {
  await using connected = await Connected.to(tlsWay(endpoint))
  const driver = connected.driver({ one: { holding_register: 1 } })
  const written = await driver.write('one', 5, SOON)
  return { written, codes: requests.map(({ pdu }) => pdu[0]) }
}

test('a device that knows our authority is written to', async () => {
  await using site = await plant()
  assert.deepEqual(await writeOnce(site), { written: { kind: 'accepted' }, codes: [6] })
})

/** In TLS 1.3 we are through with the handshake before the device has seen our certificate: then it is not known what became of the write. */
const STRANGER = {
  'TLSv1.3': /the connection was lost/,
  'TLSv1.2': /disconnected before secure TLS connection was established/,
}

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  const says = STRANGER[version]
  test(`over ${version}, a device that does not know our authority takes no write, and it is told so`, async () => {
    await using site = await plant('IP:127.0.0.1', version === 'TLSv1.2' ? version : undefined)
    const other = await Authority.make(site.folder, 'other-ca')
    const ours = await other.issue('stranger', 'DNS:gateway')
    const { written, codes } = await writeOnce({ ...site, endpoint: { ...site.endpoint, ...ours } })
    assert.equal(written.kind, version === 'TLSv1.2' ? 'unreachable' : 'unknown')
    assert.match('reason' in written ? written.reason : '', says)
    assert.deepEqual(codes, [])
  })
}

const HOUR = 3_600_000
const OUT_OF_TIME: Readonly<Record<string, readonly [from: number, until: number, says: RegExp]>> = {
  'has expired': [-48 * HOUR, -24 * HOUR, /: certificate has expired$/],
  'is not valid yet': [24 * HOUR, 48 * HOUR, /: certificate is not yet valid$/],
}

for (const [name, [from, until, says]] of Object.entries(OUT_OF_TIME)) {
  test(`a device whose certificate ${name} is refused, with the reason, and nothing is written`, async () => {
    const now = Date.now()
    const valid = [new Date(now + from), new Date(now + until)] as const
    await using site = await plant('IP:127.0.0.1', undefined, { valid })
    const { written, codes } = await writeOnce(site)
    assert.equal(written.kind, 'unreachable')
    assert.match('reason' in written ? written.reason : '', says)
    assert.deepEqual(codes, [])
  })
}

test('a certificate file that is missing is said, with its name', async () => {
  await using site = await plant()
  assert.match(
    refusal(await readOnce({ ...site.endpoint, key: '/nowhere/gateway.key' })),
    /nowhere\/gateway\.key/,
  )
})

/** The role extension (MB-TCP-Security-v36) as OpenSSL writes it. */
const role = (name: string) => `1.3.6.1.4.1.50316.802.1=ASN1:UTF8String:${name}`

test("the roles in our certificate and in the device's are read and reported, each as its own", async () => {
  await using site = await plant('IP:127.0.0.1', undefined, { extensions: [role('level-controller')] })
  const plain = await readOnce(site.endpoint)
  assert.deepEqual([plain.facts.certificate_role, 'our_role' in plain.facts], ['level-controller', false])
  const ours = await site.authority.issue('operator', 'DNS:gateway', { extensions: [role('operator')] })
  assert.equal(roleIn(new X509Certificate(await readFile(ours.certificate)).raw), 'operator')
  const both = await readOnce({ ...site.endpoint, ...ours })
  assert.deepEqual([both.facts.certificate_role, both.facts.our_role], ['level-controller', 'operator'])
  await using other = await plant()
  const neither = await readOnce(other.endpoint)
  assert.deepEqual(['certificate_role' in neither.facts, 'our_role' in neither.facts], [false, false])
})

test('what is no certificate has no role, whatever it is', () => {
  for (const hex of ['', '30', '3082ffff', '30800000', '3003020101', 'a'.repeat(4000)])
    assert.equal(roleIn(Buffer.from(hex, 'hex')), undefined)
})
