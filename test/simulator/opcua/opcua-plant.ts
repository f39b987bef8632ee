import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Plant, type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { applicationCertificate } from '../../drivers/opcua/server.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { WATER_PLANT } from '../water-plant.ts'

export const NAMESPACE = 'urn:plant:water'
export const USER = ['olive', 'secret'] as const

/** A plant in virtual time that serves OPC UA, and a client's application whose certificate it trusts. */
export interface OpcUaPlant extends AsyncDisposable {
  readonly plant: Plant
  readonly clock: VirtualClock
  readonly folder: string
  readonly client: { readonly certificate: string; readonly key: string }
  readonly url: string
}

type OpcUaFile = NonNullable<NonNullable<PlantFile['plc']>['opcua']>

/** `opcua` and `plc` replace whole keys of those sections. */
export async function startOpcUaPlant(
  opcua: Partial<OpcUaFile> = {},
  plc: Partial<PlantFile['plc']> = {},
): Promise<OpcUaPlant> {
  await using stack = new AsyncDisposableStack()
  const { path: folder } = stack.use(await temporaryFolder())
  const client = await applicationCertificate(folder, 'gateway')
  const certificates = join(folder, 'plc')
  const trusted = join(certificates, 'clients', 'trusted')
  await mkdir(trusted, { recursive: true })
  await copyFile(client.certificate, join(trusted, 'gateway.pem'))
  const clock = new VirtualClock()
  const users = [{ name: USER[0], password: USER[1] }]
  const file: PlantFile = {
    ...WATER_PLANT,
    plc: {
      ...WATER_PLANT.plc,
      ...plc,
      opcua: { port: 0, namespace: NAMESPACE, certificates, users, ...opcua },
    },
  }
  const plant = stack.use(await startPlant({ plant: file }, { clock }))
  const running = stack.move()
  return {
    plant,
    clock,
    folder,
    client,
    url: plant.opcua?.url ?? '',
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
