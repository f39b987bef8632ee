import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientSession, OPCUAClient } from 'node-opcua-client'
import { clientOptions, type OpcUaEndpoint } from '../drivers/opcua/endpoint.ts'
import { loadLibrary } from '../drivers/opcua/library.ts'

const VALUE = 13
const DOUBLE = 11

/** The limit: the library that the driver is built on, by itself. */
export class BareOpcUa implements AsyncDisposable {
  readonly #client: OPCUAClient
  readonly #session: ClientSession
  readonly #nodeId: string

  private constructor(client: OPCUAClient, session: ClientSession, nodeId: string) {
    this.#client = client
    this.#session = session
    this.#nodeId = nodeId
  }

  /** Opens a session. The one namespace that is not the standard's or the server's own is taken to be the node's. */
  static async connect(endpoint: OpcUaEndpoint, identifier: string): Promise<BareOpcUa> {
    const library = await loadLibrary()
    const [trusted = ''] = await readdir(endpoint.trusted)
    const server = new X509Certificate(await readFile(join(endpoint.trusted, trusted)))
    const client = library.OPCUAClient.create({
      ...(await clientOptions(endpoint)),
      securityMode: library.MessageSecurityMode[endpoint.securityMode],
      securityPolicy: library.SecurityPolicy[endpoint.securityPolicy],
      serverCertificate: server.raw,
    })
    await client.connect(endpoint.url)
    const session = await client.createSession()
    const namespaces = await session.readNamespaceArray()
    return new BareOpcUa(client, session, `ns=${namespaces.length - 1};${identifier}`)
  }

  async writeAndRead(value: number): Promise<void> {
    const node = { nodeId: this.#nodeId, attributeId: VALUE }
    const status = await this.#session.write({ ...node, value: { value: { dataType: DOUBLE, value } } })
    const read = await this.#session.read(node, 0)
    if (status.value !== 0 || read.value.value !== value)
      throw new Error(`${this.#nodeId} reads back ${read.value.value} after ${value}: ${status}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.disconnect()
  }
}
