import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { parse, parseDocument } from 'yaml'
import { type Plant, startPlant } from '../../simulator/plant.ts'
import { realClock } from '../../simulator/real-clock.ts'
import { OddServer, reply } from '../drivers/modbus/odd-server.ts'
import { TlsFront } from '../drivers/modbus/tls-front.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { Authority } from './certificates.ts'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLE = join(ROOT, 'examples/water-treatment')

/** The example's configuration, with its device at another port. */
async function configAt(folder: string, port: number): Promise<string> {
  const document = parseDocument(await readFile(join(EXAMPLE, 'holdfast.yaml'), 'utf8'))
  document.setIn(['devices', 'plc', 'port'], port)
  const file = join(folder, 'holdfast.yaml')
  await writeFile(file, document.toString())
  return file
}

async function site() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const plant: Plant = stack.use(
    await startPlant(
      { plant: parse(await readFile(join(EXAMPLE, 'plant.yaml'), 'utf8')) },
      { clock: realClock, port: 0 },
    ),
  )
  const config = await configAt(folder.path, plant.address.port)
  const running = stack.move()
  return { plant, config, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function holdfast(...words: string[]) {
  return await execa(join(ROOT, 'bin/holdfast'), words, { reject: false })
}

test('probe reads every configured point, says what each means, and writes nothing', async () => {
  await using plc = await site()
  const before = [plc.plant.image.coil(0), plc.plant.image.coil(1)]
  const { exitCode, stdout } = await holdfast('device', 'probe', '--config', plc.config, '--json')
  assert.equal(exitCode, 0)
  const { ok, points } = JSON.parse(stdout) as { ok: boolean; points: Record<string, unknown>[] }
  assert.equal(ok, true)
  assert.deepEqual(
    points.map(({ name, role, point, quality }) => [name, role, point, quality]),
    [
      ['inlet-valve', 'command', 'coil 0', 'good'],
      ['inlet-valve', 'feedback', 'input-register 0', 'good'],
      ['coolant-pump', 'command', 'coil 1', 'good'],
      ['coolant-pump', 'feedback', 'discrete-input 0', 'good'],
    ],
  )
  assert.ok(points.every(({ age_ms }) => typeof age_ms === 'number'))
  assert.deepEqual([plc.plant.image.coil(0), plc.plant.image.coil(1)], before)

  const table = await holdfast('device', 'probe', '--config', plc.config)
  assert.match(
    table.stdout,
    /inlet-valve\s+feedback\s+plc\s+input-register 0\s+good\s+\d+\s+\d+ms\s+(?:open|closed|between positions)/,
  )
  assert.match(table.stdout, /every point was read; nothing was written/)
})

test('probe sees that two devices are one, where their names do not show it', async () => {
  await using plc = await site()
  const document = parseDocument(await readFile(plc.config, 'utf8'))
  const { port } = plc.plant.address
  // This too is the machine itself.
  document.setIn(['devices', 'other'], { protocol: 'modbus-tcp', host: '0.0.0.0', port })
  document.setIn(['devices', 'neighbour'], { protocol: 'modbus-tcp', host: '0.0.0.0', port, unit: 2 })
  await writeFile(plc.config, document.toString())
  const { exitCode, stderr } = await holdfast('device', 'probe', '--config', plc.config)
  assert.equal(exitCode, 0)
  assert.equal(
    stderr,
    `other and plc are one unit at 127.0.0.1:${port}: give them the same host, or declare it once`,
  )
})

test('probe says of each point why it could not be read, and ends with 4', async () => {
  await using plc = await site()
  await plc.plant.faults.set({ kind: 'exception', code: 2 })
  const { exitCode, stdout } = await holdfast('device', 'probe', '--config', plc.config)
  assert.equal(exitCode, 4)
  assert.match(stdout, /bad\s+exception 2: illegal data address/)
  assert.match(stdout, /4 of 4 points could not be read; nothing was written/)
})

test('probe of a device that cannot be reached says which and why, and does not hang', async () => {
  await using folder = await temporaryFolder()
  const { exitCode, stdout } = await holdfast('device', 'probe', '--config', await configAt(folder.path, 1))
  assert.equal(exitCode, 4)
  assert.match(stdout, /127\.0\.0\.1:1: connect ECONNREFUSED/)
})

test('show says what a device tells about itself', async () => {
  await using folder = await temporaryFolder()
  await using server = await OddServer.start(request =>
    reply(request, [43, 14, 2, 1, 0, 0, 1, 0, 4, ...Buffer.from('ACME')]),
  )
  const config = await configAt(folder.path, server.port)
  const { exitCode, stdout } = await holdfast('device', 'show', 'plc', '--config', config, '--json')
  assert.equal(exitCode, 0)
  assert.deepEqual(JSON.parse(stdout), {
    device: 'plc',
    protocol: 'modbus-tcp',
    address: `127.0.0.1:${server.port}`,
    unit: 1,
    connection: { peer: `127.0.0.1:${server.port}` },
    identity: { vendor: 'ACME' },
  })
})

test('show of a Modbus TLS device has the roles in both certificates, and until when they are good', async () => {
  await using folder = await temporaryFolder()
  await using server = await OddServer.start(request =>
    reply(request, [43, 14, 2, 1, 0, 0, 1, 0, 4, ...Buffer.from('ACME')]),
  )
  const authority = await Authority.make(folder.path, 'plant-ca')
  const role = (name: string) => ({ extensions: [`1.3.6.1.4.1.50316.802.1=ASN1:UTF8String:${name}`] })
  const theirs = await authority.issue('plc', 'IP:127.0.0.1', role('level-controller'))
  const ours = await authority.issue('gateway', 'DNS:gateway', role('operator'))
  await using front = new TlsFront({ host: '127.0.0.1', port: server.port }, theirs, authority.path)
  await front.restore()
  const config = await configAt(folder.path, server.port)
  const document = parseDocument(await readFile(config, 'utf8'))
  const { port } = front
  const device = { protocol: 'modbus-tcp-security', host: '127.0.0.1', port, ...ours, ca: authority.path }
  document.setIn(['devices', 'secured'], device)
  await writeFile(config, document.toString())
  const { exitCode, stdout } = await holdfast('device', 'show', 'secured', '--config', config)
  assert.equal(exitCode, 0, stdout)
  assert.match(stdout, /^certificate +CN=plc$/m)
  assert.match(stdout, /^certificate_role +level-controller$/m)
  assert.match(stdout, /^our_role +operator$/m)
  assert.match(stdout, /^certificate_valid_to +\S.* GMT$/m)
  assert.match(stdout, /^our_certificate_valid_to +\S.* GMT$/m)
})

test('show of a device that does not say what it is, and of one that there is not', async () => {
  await using folder = await temporaryFolder()
  await using server = await OddServer.start(request => reply(request, [0xab, 1]))
  const config = await configAt(folder.path, server.port)
  const silent = await holdfast('device', 'show', 'plc', '--config', config)
  assert.equal(silent.exitCode, 4)
  assert.match(silent.stderr, /plc does not say what it is: exception 1/)
  const missing = await holdfast('device', 'show', 'plk', '--config', config)
  assert.equal(missing.exitCode, 2)
  assert.match(missing.stderr, /has no device plk; it has: plc/)
})
