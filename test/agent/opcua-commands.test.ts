import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { applicationCertificate, NAMESPACE, ValveServer } from '../drivers/opcua/server.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const HOLDFAST = join(import.meta.dirname, '../../bin/holdfast')

async function holdfast(...words: string[]) {
  return await execa(HOLDFAST, words, { reject: false })
}

/** An OPC UA server with a valve, and the configuration of a gateway beside it. */
async function site() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const server = stack.use(await ValveServer.start(folder.path))
  const { certificate, key } = await applicationCertificate(folder.path, 'gateway')
  const config = join(folder.path, 'holdfast.yaml')
  await writeFile(
    config,
    stringify({
      environment: 'test',
      gateway: 'gateway-1',
      state_dir: './state',
      master_key: { source: 'tpm' },
      listeners: [{ name: 'operators', unix: './operator.sock' }],
      devices: {
        valves: {
          protocol: 'opcua',
          endpoint: `opc.tcp://127.0.0.1:${server.port}`,
          security_policy: 'Basic256Sha256',
          certificate,
          key,
        },
      },
      actuators: {
        valve: {
          device: 'valves',
          command: { node: `nsu=${NAMESPACE};s=Valve.Out`, data_type: 'Double' },
          feedback: { node: `nsu=${NAMESPACE};s=Valve.In` },
          range: { min: 0, max: 100, unit: '%' },
          safe: 0,
          travel_time: '3s',
        },
      },
    }),
  )
  const running = stack.move()
  return { folder: folder.path, server, config, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

test('a server is trusted when somebody says its fingerprint, and by nothing less; then it is probed and shown', async () => {
  await using plant = await site()
  const own = new X509Certificate(await readFile(join(plant.folder, 'server.pem')))
  const sha256 = own.fingerprint256.replaceAll(':', '').toLowerCase()
  const at = ['--config', plant.config]

  const stranger = await holdfast('device', 'probe', ...at)
  assert.equal(stranger.exitCode, 4)
  assert.match(stranger.stdout, /certificate is not trusted/)

  const shown = await holdfast('device', 'trust', 'valves', ...at)
  assert.equal(shown.exitCode, 3)
  assert.match(shown.stdout, new RegExp(sha256))
  const other = await holdfast('device', 'trust', 'valves', '--fingerprint', '00'.repeat(32), ...at)
  assert.equal(other.exitCode, 3)
  assert.match(other.stderr, /another certificate than 0000/)
  assert.equal((await holdfast('device', 'probe', ...at)).exitCode, 4)

  const trusted = await holdfast('device', 'trust', 'valves', '--fingerprint', own.fingerprint256, ...at)
  assert.equal(trusted.exitCode, 0, trusted.stderr)
  plant.server.held.set('In', 42.5)
  const probed = await holdfast('device', 'probe', '--json', ...at)
  assert.equal(probed.exitCode, 0, probed.stdout)
  const { points } = JSON.parse(probed.stdout) as {
    points: { point: string; value: number; quality: string }[]
  }
  assert.deepEqual(
    points.map(({ point, value, quality }) => [point, value, quality]),
    [
      [`node (Double) nsu=${NAMESPACE};s=Valve.Out`, 0, 'good'],
      [`node nsu=${NAMESPACE};s=Valve.In`, 42.5, 'good'],
    ],
  )
  const identity = await holdfast('device', 'show', 'valves', ...at)
  assert.equal(identity.exitCode, 0)
  assert.match(identity.stdout, /security\s+Basic256Sha256, SignAndEncrypt/)
  assert.match(identity.stdout, /certificate_valid_to/)
  assert.match(identity.stdout, /vendor\s+ACME/)
  assert.match(identity.stdout, /readings\s+told by the server, by subscription/)
  assert.match(identity.stdout, /our_certificate_valid_to\s+20\S+Z \(in 1 days\)/)
})

test('what does not speak OPC UA has nothing to trust, and who is not there shows nothing', async () => {
  await using plant = await site()
  const missing = await holdfast('device', 'trust', 'pump', '--config', plant.config)
  assert.equal(missing.exitCode, 2)
  assert.match(missing.stderr, /has no device pump/)
  await plant.server[Symbol.asyncDispose]()
  const gone = await holdfast('device', 'trust', 'valves', '--config', plant.config)
  assert.equal(gone.exitCode, 4)
  assert.match(gone.stderr, /did not show a certificate/)
})
