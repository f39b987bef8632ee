import { X509Certificate } from 'node:crypto'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import type { OpcUaEndpoint } from '../../../drivers/opcua/endpoint.ts'
import { OpcUaLink } from '../../../drivers/opcua/link.ts'
import type { OpcUaPoint } from '../../../drivers/opcua/point.ts'
import { TrustedServers } from '../../../drivers/opcua/trust.ts'
import { type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { type DriverRig, describeDriver } from '../../drivers/driver.contract.ts'
import { applicationCertificate } from '../../drivers/opcua/server.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

const NAMESPACE = 'urn:plant:contract'

function plantFile(certificates: string): PlantFile {
  return {
    plant: 'contract',
    plc: {
      scan_cycle: '10ms',
      modbus: {
        host: '127.0.0.1',
        port: 0,
        coils: [{ address: 0 }, { address: 1, signal: 'pump.command' }],
        discrete_inputs: [{ address: 0, signal: 'pump.running' }],
      },
      opcua: {
        port: 0,
        namespace: NAMESPACE,
        certificates,
        users: [{ name: 'olive', password: 'secret' }],
        anonymous: true,
      },
    },
    elements: {
      pump: { kind: 'pump', cools: 'loop', spin_up: '10ms' },
      loop: {
        kind: 'cooling-loop',
        thermal_mass_kj_per_k: 200,
        heat_load_kw: 25,
        ambient_c: 18,
        cooling_kw_per_k: 1.5,
        initial_temperature_c: 32,
      },
    },
  }
}

function point(name: string, more: Partial<OpcUaPoint> = {}): OpcUaPoint {
  return {
    protocol: 'opcua',
    node: { namespace: NAMESPACE, identifier: `s=${name}` },
    scale: 1,
    offset: 0,
    ...more,
  }
}

const POINTS = new Map([
  ['out', point('coil.0', { dataType: 'Boolean' })],
  ['in', point('pump.running')],
])

async function makeRig(): Promise<DriverRig> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const client = await applicationCertificate(folder.path, 'gateway')
  const clients = join(folder.path, 'plc', 'clients', 'trusted')
  await mkdir(clients, { recursive: true })
  await copyFile(client.certificate, join(clients, 'gateway.pem'))
  const clock = new VirtualClock()
  const plant = stack.use(await startPlant({ plant: plantFile(join(folder.path, 'plc')) }, { clock }))
  const trusted = join(folder.path, 'trusted-servers')
  await new TrustedServers(trusted).trust(
    new X509Certificate(plant.opcua?.certificate ?? Buffer.alloc(0)).raw,
  )
  const endpoint: OpcUaEndpoint = {
    url: plant.opcua?.url ?? '',
    securityPolicy: 'Aes256_Sha256_RsaPss',
    securityMode: 'SignAndEncrypt',
    ...client,
    trusted,
    user: { kind: 'anonymous' },
  }
  const link = new OpcUaLink(endpoint, 2000, systemClock, () => 0)
  const driver = stack.use(new OpcUaDriver(link, POINTS, systemClock))
  await link.attempted
  const connected = async (wanted: boolean) => {
    while ('session' in link.connection !== wanted) await new Promise(resolve => setImmediate(resolve))
  }
  const running = stack.move()
  return {
    driver,
    holds: name => (name === 'out' ? plant.image.coil(0) : plant.image.discreteInput(0)),
    async setInput(value) {
      plant.plc('plc').answerWrite('coil', 1, value)
      await clock.advance(100)
    },
    silence: () => plant.faults.set({ kind: 'silent', effect: 'done' }),
    reject: () => plant.faults.set({ kind: 'exception', code: 3 }),
    async unplug() {
      await plant.faults.set({ kind: 'dropped-link' })
      await connected(false)
    },
    async heal() {
      await plant.faults.clear()
      do await connected(true)
      while ((await driver.read('in', 5000)).kind !== 'value')
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

describeDriver('OPC UA against a simulated plant', makeRig)
