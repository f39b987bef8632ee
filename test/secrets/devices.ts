import { randomBytes, X509Certificate } from 'node:crypto'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { type PlantFile, startPlant } from '../../simulator/plant.ts'
import { realClock } from '../../simulator/real-clock.ts'
import { Authority } from '../agent/certificates.ts'
import { TlsFront } from '../drivers/modbus/tls-front.ts'
import { applicationCertificate } from '../drivers/opcua/server.ts'
import { WATER_PLANT } from '../simulator/water-plant.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import type { Day } from './day.ts'
import { holdKey, issueTo } from './own-certificate.ts'

const NAMESPACE = 'urn:plant:water'
const USER = 'holdfast'

/**
 * The devices that know a gateway by a secret of its own: `valves`, an OPC UA server, by the key of its application and by a user's
 * password, and `meter` over Modbus/TCP Security, by the key of its certificate. `outlet-valve` is on the first, `level` is read from the other.
 */
export class Devices implements AsyncDisposable {
  /** SHA-256 of the server's certificate, for whoever trusts it. */
  readonly fingerprint: string
  readonly #passwordFile: string
  readonly #password: string
  readonly #stack: AsyncDisposableStack

  private constructor(
    fingerprint: string,
    passwordFile: string,
    password: string,
    stack: AsyncDisposableStack,
  ) {
    this.fingerprint = fingerprint
    this.#passwordFile = passwordFile
    this.#password = password
    this.#stack = stack
  }

  /** Starts them, and puts both into the configuration; whoever set the password down has mistyped it. Their own keys are elsewhere. */
  static async start(day: Day): Promise<Devices> {
    await using stack = new AsyncDisposableStack()
    const { gateway } = day
    const { path: folder } = stack.use(await temporaryFolder())
    const application = await applicationCertificate(gateway.folder, 'opcua')
    await holdKey(day, 'opcua.key')
    const password = randomBytes(24).toString('base64url')
    day.hold('opcua.password', new Map([["the OPC UA user's password", Buffer.from(password)]]))
    const passwordFile = join(gateway.folder, 'opcua.password')
    await writeFile(passwordFile, `${password}x\n`, { mode: 0o600 })

    const trusted = join(folder, 'plc', 'clients', 'trusted')
    await mkdir(trusted, { recursive: true })
    await copyFile(application.certificate, join(trusted, 'gateway.pem'))
    const users = [{ name: USER, password }]
    const opcua = { port: 0, namespace: NAMESPACE, certificates: join(folder, 'plc'), users }
    const file: PlantFile = { ...WATER_PLANT, plc: { ...WATER_PLANT.plc, opcua } }
    const plant = stack.use(await startPlant({ plant: file }, { clock: realClock }))
    const authority = await Authority.make(folder, 'devices')
    const front = stack.use(
      new TlsFront(gateway.plant.address, await authority.issue('meter', 'IP:127.0.0.1'), authority.path),
    )
    await front.restore()

    const document = parseDocument(await readFile(gateway.config, 'utf8'))
    const set = (path: readonly string[], value: unknown) => document.setIn(path, document.createNode(value))
    set(['devices', 'valves'], {
      protocol: 'opcua',
      endpoint: plant.opcua?.url,
      security_policy: 'Basic256Sha256',
      ...application,
      user: { name: USER, password_file: passwordFile },
    })
    set(['devices', 'meter'], {
      protocol: 'modbus-tcp-security',
      host: '127.0.0.1',
      port: front.port,
      unit: 1,
      ...(await issueTo(day, authority, 'modbus')),
      ca: authority.path,
    })
    set(['readings'], { level: { device: 'meter', point: { input_register: 1 }, unit: 'mm' } })
    set(['actuators', 'outlet-valve'], {
      device: 'valves',
      command: { node: `nsu=${NAMESPACE};s=inlet-valve.command`, data_type: 'Boolean' },
      feedback: { node: `nsu=${NAMESPACE};s=inlet-valve.position` },
      positions: { closed: { write: 0, feedback: 0 }, open: { write: 1, feedback: 1 } },
      tolerance: 0.01,
      travel_time: '5s',
      safe: 'closed',
    })
    await writeFile(gateway.config, document.toString())
    const shown = new X509Certificate(await readFile(join(folder, 'plc', 'own.pem')))
    return new Devices(shown.fingerprint256, passwordFile, password, stack.move())
  }

  /** Puts the right password into its file. */
  async correctPassword(): Promise<void> {
    await writeFile(this.#passwordFile, `${this.#password}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
