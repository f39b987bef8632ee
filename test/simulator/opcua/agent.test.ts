import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { parseDocument } from 'yaml'
import { Certificates } from '../../../simulator/opcua/certificate.ts'
import { realClock } from '../../../simulator/real-clock.ts'
import { Gateway, HOLDFAST, ROOT } from '../../agent/gateway.ts'
import { applicationCertificate } from '../../drivers/opcua/server.ts'

const EXAMPLE = join(ROOT, 'examples', 'pumping-station')

/** A port that nobody else has now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('an agent opens the valve of a plant over OPC UA, and the plant’s own scenario sees it', async () => {
  const document = parseDocument(await readFile(join(EXAMPLE, 'holdfast.yaml'), 'utf8'))
  const [modbus, opcua] = [await freePort(), await freePort()]
  await using gateway = await Gateway.start({
    settings: [
      [['devices'], document.get('devices')],
      [['devices', 'plc', 'endpoint'], `opc.tcp://127.0.0.1:${opcua}`],
      [['actuators'], document.get('actuators')],
      [['trip_groups'], document.get('trip_groups')],
    ],
  })
  // The plant of the example beside the agent, on ports of its own; either trusts the other.
  const at = (...path: string[]) => join(gateway.folder, ...path)
  const plant = parseDocument(await readFile(join(EXAMPLE, 'plant.yaml'), 'utf8'))
  plant.setIn(['plc', 'modbus', 'port'], modbus)
  plant.setIn(['plc', 'opcua', 'port'], opcua)
  await writeFile(at('plant.yaml'), plant.toString())
  await copyFile(join(EXAMPLE, 'with-agent.yaml'), at('with-agent.yaml'))
  await writeFile(at('password'), 'pumping-station\n')
  const { certificate } = await applicationCertificate(gateway.folder, 'gateway')
  await mkdir(at('certificates', 'clients', 'trusted'), { recursive: true })
  await copyFile(certificate, at('certificates', 'clients', 'trusted', 'gateway.pem'))
  const owner = { applicationUri: 'urn:holdfast:simulator:pumping-station:plc', host: '127.0.0.1' }
  const { der } = await new Certificates(at('certificates'), owner, realClock.wall).get('own')
  await mkdir(at('trusted-servers'))
  const server = new X509Certificate(der)
  const sha256 = server.fingerprint256.replaceAll(':', '').toLowerCase()
  await writeFile(at('trusted-servers', `${sha256}.pem`), server.toString())

  await using agent = await gateway.startAgent()
  const playing = execa(HOLDFAST, ['simulate', '--speed', '1', '--scenario', at('with-agent.yaml')], {
    reject: false,
  })
  const { credential } = await gateway.issue('alice', 'operator')
  const client = gateway.client(agent.address, credential)
  // Until the plant is there and the agent has found it, a command is refused or its outcome is a bad one.
  const ended = playing.then(() => 'ended')
  for (;;) {
    const answer = await client.command('inlet-valve', 'open')
    if (answer.kind === 'answered') break
    if ((await Promise.race([ended, realClock.sleep(500)])) === 'ended') break
  }
  const { exitCode, stdout } = await playing
  assert.equal(exitCode, 0, stdout)
})
