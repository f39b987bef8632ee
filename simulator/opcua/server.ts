import type { Server } from 'node:net'
import type { OPCUAServer, OPCUAServerOptions } from 'node-opcua-server'
import type { Millis } from '../../model/time.ts'
import type { Link, PlcFaults } from '../faults.ts'
import type { Address } from '../modbus/server.ts'
import { Objections } from '../objections.ts'
import { realClock } from '../real-clock.ts'
import { furnish } from './address-space.ts'
import type { Answers } from './answers.ts'
import { Certificates } from './certificate.ts'
import type { OpcUaDevice } from './device.ts'
import type { CellNode } from './node.ts'
import { loadPackages } from './packages.ts'
import { endOf, sender, watchRefusals } from './refusals.ts'
import type { OpcUaSettings } from './settings.ts'
import { Sockets } from './sockets.ts'
import { type Judged, TrustList } from './trust-list.ts'

export interface OpcUaServerParts {
  readonly plant: string
  readonly plc: string
  readonly address: Address
  readonly settings: OpcUaSettings
  readonly nodes: readonly CellNode[]
  readonly device: OpcUaDevice
  readonly answers: Answers
  readonly faults: PlcFaults
  readonly scanCycle: Millis
}

/** Most connections at once; who comes after them is refused. */
const CONNECTIONS_MAX = 100

/** OPC UA for one PLC. The library is loaded with the first server, because it takes seconds and a hundred megabytes. */
export class OpcUaServer implements Link, AsyncDisposable {
  readonly #parts: OpcUaServerParts
  readonly #sockets = new Sockets()
  readonly #answers: Answers
  readonly #certificates: Certificates
  /** What it does not take, of connections and requests. Whoever floods it does so in real time. */
  readonly objections = new Objections(realClock)
  readonly applicationUri: string
  readonly namespace: string
  #server: OPCUAServer | undefined
  /** Requests that were understood, on all connections. */
  #taken = 0
  #isListening = false
  #isDisposed = false
  #certificate: Buffer = Buffer.alloc(0)

  /** Port 0 takes one from the kernel. Nothing listens until `restore`. */
  constructor(parts: OpcUaServerParts) {
    const { plant, plc, address, settings, answers } = parts
    this.#parts = parts
    this.#answers = answers
    this.applicationUri = `urn:holdfast:simulator:${plant}:${plc}`
    this.namespace = settings.namespace ?? `urn:holdfast:simulator:${plant}`
    const owner = { applicationUri: this.applicationUri, host: address.host }
    this.#certificates = new Certificates(settings.certificates, owner, realClock.wall)
  }

  /** Where it is reached, with the port that the kernel gave. */
  get url(): string {
    const { host, port } = this.#parts.address
    const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    return `opc.tcp://${shown.includes(':') ? `[${shown}]` : shown}:${this.#server?.endpoints[0]?.port ?? port}`
  }

  /** The certificate that it shows, in DER. */
  get certificate(): Buffer {
    return this.#certificate
  }

  /**
   * Listens, for the first time or again. Rejects with the system's error when the address can't be had, or the folder
   * of the certificates not be used.
   */
  async restore(): Promise<void> {
    if (this.#isListening || this.#isDisposed) return
    this.#isListening = true
    try {
      if (this.#server) await this.#resume(this.#server)
      else await this.#start()
    } catch (error) {
      this.#isListening = false
      throw error
    }
  }

  async drop(): Promise<void> {
    if (!this.#server || !this.#isListening) return
    this.#isListening = false
    const suspended = this.#server.suspendEndPoints()
    this.#sockets.close()
    await suspended
  }

  hang(): void {
    this.#sockets.hang()
  }

  reset(): void {
    this.#sockets.reset()
  }

  closeSessions(): void {
    const engine = this.#server?.engine
    for (const session of engine?.getSessions() ?? []) {
      engine?.closeSession(session.authenticationToken, true, 'Terminated')
    }
  }

  async showCertificate(): Promise<void> {
    const [endpoint] = this.#server?.endpoints ?? []
    if (!this.#server || !endpoint) return
    const provider = await this.#shown()
    this.#server.setProvider(provider)
    endpoint.setCertificateProvider(provider)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#answers.close()
    this.#sockets.close()
    await this.#server?.shutdown(0)
  }

  async #start(): Promise<void> {
    const { settings } = this.#parts
    const clients = new TrustList(
      settings.certificates,
      'clients',
      settings.trust_every_client,
      realClock.wall,
    )
    const users = new TrustList(settings.certificates, 'users', false, realClock.wall)
    await clients.open()
    await users.open()
    const {
      client: library,
      server: { OPCUAServer },
    } = await loadPackages()
    // It has much to say about what a simulator does on purpose.
    library.setWarningLogger(() => {})
    library.setErrorLogger(() => {})
    const server = new OPCUAServer({
      ...this.#options(library),
      certificateKeyPairProvider: await this.#shown(),
      serverCertificateManager: storeOf(clients, library, judged => {
        const peer = sender.getStore()
        if (judged === 'Good' || peer === undefined) return
        this.#sockets.markTold(peer)
        this.objections.raise(peer, `the client's certificate: ${judged}`)
      }),
      // Who is no user is told as a session that is not activated.
      userCertificateManager: storeOf(users, library, () => {}),
    })
    await server.initialize()
    this.#server = server
    // Its endpoint would look for files of the certificate.
    await this.showCertificate()
    const { nodes, device, plant, plc, scanCycle } = this.#parts
    const title = plc === 'plc' ? plant : plc
    furnish(server, { library, namespaceUri: this.namespace, title, nodes, device, scanCycle })
    this.#intercept(server)
    const listener = listenerOf(server)
    listener.maxConnections = CONNECTIONS_MAX
    this.#sockets.watch(
      listener,
      () => this.#taken,
      (peer, status) => this.objections.raise(peer, endOf(library, status)),
    )
    watchRefusals(server, listener, (peer, reason) => {
      if (!this.#sockets.hasTold(peer)) this.objections.raise(peer, reason)
    })
    await server.start()
  }

  /** Listens again, at the same port. */
  async #resume(server: OPCUAServer): Promise<void> {
    await server.resumeEndPoints()
  }

  #options({ MessageSecurityMode, SecurityPolicy }: typeof import('node-opcua-client')) {
    const { settings, address, plant, plc } = this.#parts
    const { security_policies: policies, security_modes: modes, users } = settings
    const secured = policies.filter(policy => policy !== 'None')
    return {
      port: address.port,
      host: address.host,
      hostname: new URL(this.url.replace('opc.tcp:', 'http:')).hostname,
      alternateHostname: ['127.0.0.1', 'localhost'],
      securityPolicies: policies.map(policy => SecurityPolicy[policy]),
      securityModes: [
        ...(secured.length < policies.length ? [MessageSecurityMode.None] : []),
        ...(secured.length > 0 ? modes.map(mode => MessageSecurityMode[mode]) : []),
      ],
      allowAnonymous: settings.anonymous,
      userManager: {
        isValidUser: (name: string, password: string) =>
          users.some(user => user.name === name && user.password === password),
      },
      maxConnectionsPerEndpoint: 2 * CONNECTIONS_MAX,
      serverInfo: {
        applicationUri: this.applicationUri,
        productUri: 'urn:holdfast:simulator',
        applicationName: { text: `${plant} ${plc}` },
      },
      buildInfo: { manufacturerName: 'holdfast', productName: 'simulated PLC', softwareVersion: '1' },
    }
  }

  /** The certificate to show, as faults have it. */
  async #shown() {
    const { common } = await loadPackages()
    const [wrong] = this.#parts.faults.of('wrong-certificate')
    const { der, key } = await this.#certificates.get(wrong?.shows ?? 'own')
    this.#certificate = der
    return new common.StaticCertificateChainProvider([der], {
      hidden: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    })
  }

  /** Puts what faults do to requests and answers between the library and its channels. */
  #intercept(server: OPCUAServer): void {
    const carryOut = server.on_request.bind(server)
    server.on_request = (message, channel) => {
      // What has no header of a request, or no number, cannot be answered as one.
      if (message.requestId === 0 || !message.request.requestHeader) return
      this.#taken += 1
      if (this.#answers.carriesOut(message.request.schema.name)) carryOut(message, channel)
    }
    server.on('newChannel', channel => {
      const send = channel.send_response.bind(channel)
      const queue = this.#answers.queue()
      channel.send_response = (type, response, message, callback) =>
        queue(message.request.schema.name, () => send(type, response, message, callback))
    })
  }
}

/** What the library asks whether a certificate is trusted: the part of a certificate manager that it calls. */
function storeOf(
  list: TrustList,
  { StatusCodes }: typeof import('node-opcua-client'),
  tell: (judged: Judged) => void,
) {
  const judge = async (certificate: Buffer | Buffer[]) => {
    const der = Array.isArray(certificate) ? certificate[0] : certificate
    const judged = der ? await list.judge(der) : 'BadCertificateInvalid'
    tell(judged)
    return judged
  }
  const store = {
    referenceCounter: 0,
    initialize: async () => {},
    dispose: async () => {},
    /** Of clients it waits for the promise, of users for the callback. */
    checkCertificate: async (
      certificate: Buffer | Buffer[],
      callback?: (error: null, status: unknown) => void,
    ) => {
      const status = StatusCodes[await judge(certificate)]
      callback?.(null, status)
      return status
    },
    /** Asked once, at the start, of the server's own certificate: nobody has to approve that. */
    verifyCertificate: async () => 'Good',
    getTrustStatus: async (certificate: Buffer) => StatusCodes[await judge(certificate)],
  }
  return store as unknown as NonNullable<OPCUAServerOptions['userCertificateManager']>
}

/** The listening server inside the library, whose connections faults break. */
function listenerOf(server: OPCUAServer): Server {
  const [endpoint] = server.endpoints as unknown as readonly { readonly _server?: Server }[]
  if (!endpoint?._server) throw new Error('the OPC UA library has no listening server')
  return endpoint._server
}
