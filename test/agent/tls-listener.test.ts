import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import type { ClientTls } from '../../client/agent-client.ts'
import { EXIT } from '../../model/exit.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { Authority } from './certificates.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let gateway: Gateway
let agent: RunningAgent
let address: string
let plant: Authority
let panel: ClientTls
let listener: Record<string, unknown>

before(async () => {
  folder = await temporaryFolder()
  plant = await Authority.make(folder.path, 'plant-ca')
  const server = await plant.issue('gateway', 'IP:127.0.0.1')
  panel = await plant.client('panel-1', 'URI:spiffe://plant/panel-1')
  listener = {
    name: 'panels',
    tls: '127.0.0.1:0',
    certificate: server.certificate,
    key: server.key,
    client_ca: plant.path,
    allowed_networks: ['127.0.0.0/8'],
  }
  gateway = await Gateway.start({ settings: [[['listeners', 3], listener]] })
  agent = await gateway.startAgent()
  address = String(agent.log.find(line => line.listener === 'panels' && line.address)?.address)
})

after(async () => {
  await gateway[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test('a certificate that expires in two days raises a critical alarm at the start, and one that is renewed in time none', async () => {
  const line = await agent.line(({ alarm }) => alarm === 'certificate-expiring')
  assert.deepEqual([line.severity, line.listener], ['critical', 'panels'])
  assert.match(String(line.msg), /gateway\.pem expires at 20[0-9]{2}-.*Z/)
  await using other = await Gateway.start({
    settings: [
      [['alarms'], { certificate_expires: { warn: '1d', critical: '1h' } }],
      [['listeners', 3], listener],
    ],
  })
  const quiet = await other.startAgent()
  const { credential } = await other.issue('erika', 'engineer')
  await other.client(quiet.address, credential).trip('coolant-pump')
  assert.ok(quiet.log.every(({ alarm }) => alarm !== 'certificate-expiring'))
})

test('a credential bound to a SPIFFE ID works over TLS with that certificate, and on no other channel', async () => {
  const { credential } = await gateway.issue('alice', 'operator', '--spiffe', 'spiffe://plant/panel-1')
  const bound = await gateway.client(address, credential, 0, panel).command('inlet-valve', 'open')
  assert.equal(bound.kind, 'answered', JSON.stringify(bound))
  const clear = await gateway.client(agent.address, credential).command('inlet-valve', 'closed')
  assert.equal(clear.kind === 'problem' && clear.problem.code, 'identity-denied')
  const other = await plant.client('panel-2', 'URI:spiffe://plant/panel-2')
  const elsewhere = await gateway.client(address, credential, 0, other).command('inlet-valve', 'closed')
  assert.equal(elsewhere.kind === 'problem' && elsewhere.problem.code, 'identity-denied')
  const intent = gateway.records().findLast(({ kind }) => kind === 'command-intent')
  assert.equal(intent?.identity, 'certificate spiffe://plant/panel-1')
})

test('a credential bound to one certificate is refused with another one of the same name', async () => {
  const sha256 = new X509Certificate(panel.certificate).fingerprint256.replaceAll(':', '').toLowerCase()
  const { credential } = await gateway.issue('alice', 'operator', '--certificate', sha256)
  assert.equal(
    (await gateway.client(address, credential, 0, panel).command('inlet-valve', 'closed')).kind,
    'answered',
  )
  const twin = await plant.client('panel-1-again', 'URI:spiffe://plant/panel-1')
  const answer = await gateway.client(address, credential, 0, twin).command('inlet-valve', 'closed')
  assert.equal(answer.kind === 'problem' && answer.problem.code, 'identity-denied')
})

test('two URIs in a certificate are no SPIFFE ID', async () => {
  const { credential } = await gateway.issue('alice', 'operator', '--spiffe', 'spiffe://plant/panel-1')
  const two = await plant.client('panel-3', 'URI:spiffe://plant/panel-1,URI:spiffe://plant/panel-9')
  const answer = await gateway.client(address, credential, 0, two).command('inlet-valve', 'closed')
  assert.equal(answer.kind === 'problem' && answer.problem.code, 'identity-denied')
})

test('without a certificate, with one of another authority, or with TLS 1.2 nobody gets as far as a request; it is in the log', async () => {
  const strangers = await Authority.make(folder.path, 'other-ca')
  const stranger = await strangers.client('stranger', 'URI:spiffe://plant/panel-1', plant)
  const { credential } = await gateway.issue('alice', 'operator')
  const refused = await gateway.client(address, credential, 0, stranger).command('inlet-valve', 'closed')
  assert.equal(refused.kind, 'unreachable')
  for (const tls of [{}, { cert: panel.certificate, key: panel.key, maxVersion: 'TLSv1.2' as const }]) {
    const { hostname, port } = new URL(address)
    const ended = await new Promise<string>(resolve => {
      const socket: TLSSocket = connect({ host: hostname, port: Number(port), ca: panel.ca, ...tls })
      socket.on('error', error => resolve(error.message))
      socket.on('data', () => resolve('answered'))
      socket.on('end', () => resolve('ended'))
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    })
    assert.notEqual(ended, 'answered')
  }
  await agent.line(
    ({ code, detail }) => code === 'identity-denied' && /TLS handshake failed/.test(String(detail)),
  )
})

test('an admin can be issued credentials over TLS, which keeps the secret to itself', async () => {
  const { credential } = await gateway.issue('root', 'admin')
  const order = { subject: 'bob', role: 'operator', lifetime: '5m' }
  const answer = await gateway.client(address, credential, 0, panel).issue(order)
  assert.equal(answer.kind === 'answered' && answer.status, 201)
})

test('the command line speaks TLS, and says what it lacks', async () => {
  const words = ['status', '--agent', address, '--credential', (await gateway.issue('viv', 'viewer')).file]
  const lacking = await gateway.holdfast(...words)
  assert.equal(lacking.exitCode, 2)
  assert.match(lacking.stderr, /--cert, --key and --ca/)
  const files = [
    '--cert',
    join(folder.path, 'panel-1.pem'),
    '--key',
    join(folder.path, 'panel-1.key'),
    '--ca',
    plant.path,
  ]
  const status = await gateway.holdfast(...words, ...files)
  assert.equal(status.exitCode, 0, status.stderr)
})

test('the drill shows a revocation on the TLS listener, says what it lacks, and leaves no credential behind', async () => {
  const drill = (...words: string[]) =>
    gateway.holdfast(
      'credential',
      'drill',
      '--agent',
      gateway.adminSocket,
      '--at',
      address,
      '--json',
      ...words,
    )
  const files = (name: string, ca: string) => [
    '--cert',
    join(folder.path, `${name}.pem`),
    '--key',
    join(folder.path, `${name}.key`),
    '--ca',
    ca,
  ]
  const done = await drill(...files('panel-1', plant.path))
  assert.equal(done.exitCode, 0, done.stderr)
  const { refused, revoked_ms } = JSON.parse(done.stdout) as { refused: string; revoked_ms: number }
  assert.equal(refused, '403 Forbidden - Revoked')
  assert.ok(revoked_ms < 1000)

  const lacking = await drill()
  assert.equal(lacking.exitCode, 2)
  assert.match(lacking.stderr, /an https agent needs --cert, --key and --ca/)
  const strangers = await Authority.make(folder.path, 'drill-ca')
  await strangers.issue('drill-stranger', 'URI:spiffe://plant/panel-1')
  const stranger = await drill(...files('drill-stranger', plant.path))
  assert.notEqual(stranger.exitCode, 0)
  assert.ok(stranger.stdout.includes(address), 'it says which address did not answer')
  const left = await gateway.holdfast('credential', 'list', '--agent', gateway.adminSocket, '--json')
  const { credentials } = JSON.parse(left.stdout) as { credentials: { subject: string; revoked?: string }[] }
  const drills = credentials.filter(({ subject }) => subject === 'revocation-drill')
  assert.deepEqual([drills.length, drills.filter(({ revoked }) => revoked).length], [2, 2])
})

test('new certificate files are taken up without a restart; files that do not fit are reported and the old ones stay', async () => {
  const serial = async (): Promise<string> => {
    const { hostname, port } = new URL(address)
    const options = {
      host: hostname,
      port: Number(port),
      ca: panel.ca,
      cert: panel.certificate,
      key: panel.key,
    }
    return await new Promise((resolve, reject) => {
      const socket = connect(options, () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? '')
        socket.destroy()
      })
      socket.on('error', reject)
    })
  }
  const before = await serial()
  const next = await plant.issue('gateway-next', 'IP:127.0.0.1')
  await rename(next.certificate, join(folder.path, 'gateway.pem'))
  const bad = await agent.line(({ alarm }) => alarm === 'certificate')
  assert.match(String(bad.msg), /the old ones stay/)
  assert.equal(await serial(), before)
  await rename(next.key, join(folder.path, 'gateway.key'))
  await agent.line(({ msg }) => /were taken up/.test(String(msg)))
  assert.notEqual(await serial(), before)
})

test('certificate files that cannot be read keep the agent from starting, with the reason', async () => {
  const listener = {
    name: 'panels',
    tls: '127.0.0.1:0',
    certificate: './nowhere.pem',
    key: './nowhere.key',
    client_ca: './nowhere-ca.pem',
    allowed_networks: ['127.0.0.0/8'],
  }
  await using other = await Gateway.start({ enrolled: false, settings: [[['listeners', 3], listener]] })
  const { exitCode, stderr } = await other.holdfast('agent', '--config', other.config)
  assert.equal(exitCode, EXIT.unreadable)
  assert.match(stderr, /listener panels: its certificate files cannot be used: .*nowhere/)
})

test('five forgeries over TLS suspend their certificate and trip what they aimed at; whoever has another certificate goes on', async () => {
  const { credential } = await gateway.issue('alice', 'operator')
  const thief = await plant.client('panel-7', 'URI:spiffe://plant/panel-7')
  const forged = { keyid: credential.keyid, secret: randomBytes(32).toString('base64url') }
  for (let count = 0; count < 5; count += 1)
    await gateway.client(address, forged, 0, thief).command('inlet-valve', 'open')
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
  const codeOf = async (tls: ClientTls): Promise<string> => {
    const answer = await gateway.client(address, credential, 0, tls).command('coolant-pump', 'off')
    return answer.kind === 'problem' ? answer.problem.code : answer.kind
  }
  assert.equal(await codeOf(thief), 'identity-suspended', 'with a right credential too')
  assert.equal(
    await codeOf(panel),
    'tripped',
    'the pump is of the same trip group, and nobody else is suspended',
  )
  const trip = gateway.records().find(({ kind }) => kind === 'trip')
  assert.deepEqual([trip?.identity, trip?.count], ['certificate spiffe://plant/panel-7', 5])
})
