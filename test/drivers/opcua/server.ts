import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { OPCUACertificateManager } from 'node-opcua-certificate-manager'
import {
  DataType,
  DataValue,
  MessageSecurityMode,
  SecurityPolicy,
  StatusCodes,
  setErrorLogger,
  setWarningLogger,
  UserTokenType,
  Variant,
} from 'node-opcua-client'
import { OPCUAServer } from 'node-opcua-server'

type ServerSecureChannelLayer = Parameters<OPCUAServer['on_request']>[1]

// It has much to say about certificates that are two days old.
setWarningLogger(() => {})
setErrorLogger(() => {})

export const NAMESPACE = 'urn:plant:valves'

/** A certificate of its own for an application, as OPC UA wants it (OPC 10000-6 §6.2.2). */
export async function applicationCertificate(
  folder: string,
  name: string,
  days = 2,
): Promise<{ certificate: string; key: string }> {
  const files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const config = join(folder, `${name}.cnf`)
  await writeFile(
    config,
    `[req]
distinguished_name=dn
x509_extensions=v3
prompt=no
[dn]
CN=${name}
[v3]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyCertSign
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=URI:urn:plant:${name},DNS:localhost,IP:127.0.0.1
`,
  )
  await execa('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', String(days), '-config', config],
    ...['-keyout', files.key, '-out', files.certificate],
  ])
  return files
}

export type Answer = Parameters<ServerSecureChannelLayer['send_response']>[1]

/** What is said instead of an answer; undefined is the truth. */
export type Lie = (
  answer: Answer,
  request: string,
) =>
  | {
      readonly response: Answer
      /** Whose answer it says that it is. */
      readonly handle?: number
      readonly requestId?: (own: number) => number
      /** A second answer to the same request. */
      readonly again?: Answer
    }
  | undefined

/** An OPC UA server with a valve: `Valve.Out` can be written, `Valve.In` is a sensor, `Valve.Move` is a method. */
export class ValveServer implements AsyncDisposable {
  readonly #server: OPCUAServer
  /** What the server holds, by the name of the node without `Valve.`. */
  readonly held = new Map<string, number>([
    ['Out', 0],
    ['In', 0],
    ['Moved', 0],
  ])
  /** What every write and call is answered with, instead of being done. */
  refusal: 'BadNotWritable' | 'BadOutOfRange' | undefined
  inStatus: 'Good' | 'UncertainLastUsableValue' | 'BadSensorFailure' = 'Good'

  /** Says something else than the server would, over a channel that is as it should be; the same where it does not lie. */
  lie: Lie | undefined

  /** Everything that was written or called, in order. */
  readonly done: string[] = []
  /** What the method that moves says about it: 0 is done. */
  result = 0

  private constructor(server: OPCUAServer) {
    this.#server = server
  }

  static async start(folder: string): Promise<ValveServer> {
    const { certificate, key } = await applicationCertificate(folder, 'server')
    const clients = new OPCUACertificateManager({
      rootFolder: join(folder, 'server-pki'),
      automaticallyAcceptUnknownCertificate: true,
    })
    await clients.initialize()
    const server = new OPCUAServer({
      port: 0,
      certificateFile: certificate,
      privateKeyFile: key,
      serverCertificateManager: clients,
      userCertificateManager: clients,
      serverInfo: { applicationUri: 'urn:plant:server', productUri: 'urn:plant' },
      buildInfo: {
        productName: 'Valve head',
        manufacturerName: 'ACME',
        softwareVersion: '1.2',
        buildNumber: '34',
      },
      securityPolicies: [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
      securityModes: [MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
      allowAnonymous: true,
      userManager: {
        isValidUser: (name: string, password: string) => name === 'olive' && password === 'secret',
      },
    })
    await server.initialize()
    const valves = new ValveServer(server)
    valves.#furnish()
    server.on('newChannel', channel => {
      const send = channel.send_response.bind(channel)
      channel.send_response = (type, response, message, callback) => {
        const said = valves.lie?.(response, message.request.schema.name) ?? { response }
        const asked = {
          ...message,
          ...(said.requestId === undefined ? {} : { requestId: said.requestId(message.requestId) }),
        }
        if (said.handle !== undefined)
          asked.request = Object.assign(Object.create(message.request), {
            requestHeader: { ...message.request.requestHeader, requestHandle: said.handle },
          })
        send(type, said.response, asked, callback)
        if (said.again) send(type, said.again, message)
      }
    })
    await server.start()
    return valves
  }

  get port(): number {
    return this.#server.endpoints[0]?.port ?? 0
  }

  /** From now on it wants passwords as they are where the channel is only signed, as some old servers do. */
  takePasswordsUnencrypted(): void {
    for (const { securityMode, userIdentityTokens } of this.#server.endpoints[0]?.endpointDescriptions() ??
      [])
      for (const token of userIdentityTokens ?? [])
        if (securityMode === MessageSecurityMode.Sign && token.tokenType === UserTokenType.UserName)
          token.securityPolicyUri = SecurityPolicy.None
  }

  /** From now on it takes so many nodes in one request, says so, and says BadTooManyOperations to more. 0 is any number. */
  takeAtOnce(most: number): void {
    const { operationLimits } = this.#server.engine.serverCapabilities
    operationLimits.maxMonitoredItemsPerCall = most
    operationLimits.maxNodesPerRead = most
    operationLimits.maxNodesPerWrite = most
    operationLimits.maxNodesPerMethodCall = most
  }

  /** How many subscriptions it holds now. */
  get subscriptions(): number {
    return this.#server.engine.currentSubscriptionCount
  }

  /** How many sessions were made since the start, and how many of them it holds now. */
  get sessions(): { readonly made: number; readonly held: number } {
    const { cumulatedSessionCount, currentSessionCount } = this.#server.engine
    return { made: cumulatedSessionCount, held: currentSessionCount }
  }

  #furnish(): void {
    const { addressSpace } = this.#server.engine
    if (!addressSpace) throw new Error('no address space')
    // One more before ours, so that its index is not the one that anybody would guess.
    addressSpace.registerNamespace('urn:plant:other')
    const namespace = addressSpace.registerNamespace(NAMESPACE)
    const { objects } = addressSpace.rootFolder
    const valve = namespace.addObject({ organizedBy: objects, browseName: 'Valve', nodeId: 's=Valve' })
    const types = [
      'Boolean',
      'SByte',
      'Byte',
      'Int16',
      'UInt16',
      'Int32',
      'UInt32',
      'Int64',
      'UInt64',
      'Float',
      'Double',
    ]
    for (const type of types) {
      let variant = new Variant({
        dataType: type,
        arrayType: 'Scalar',
        value: type === 'Boolean' ? false : type.endsWith('64') ? [0, 0] : 0,
      })
      namespace.addVariable({
        componentOf: valve,
        browseName: type,
        nodeId: `s=Type.${type}`,
        dataType: type,
        minimumSamplingInterval: 0,
        value: {
          get: () => variant,
          set: (written: Variant) => {
            variant = written
            return StatusCodes.Good
          },
        },
      })
    }
    for (const name of ['Out', 'In']) {
      namespace.addVariable({
        componentOf: valve,
        browseName: name,
        nodeId: `s=Valve.${name}`,
        dataType: 'Double',
        minimumSamplingInterval: 0,
        value: {
          timestamped_get: () =>
            new DataValue({
              value: new Variant({ dataType: DataType.Double, value: this.held.get(name) ?? 0 }),
              statusCode: StatusCodes[name === 'In' ? this.inStatus : 'Good'],
              sourceTimestamp: new Date(),
            }),
          timestamped_set: async ({ value }: DataValue) => {
            if (this.refusal) return StatusCodes[this.refusal]
            this.done.push(`${name} ${value.value}`)
            this.held.set(name, Number(value.value))
            return StatusCodes.Good
          },
        },
      })
    }
    namespace.addVariable({
      componentOf: valve,
      browseName: 'Text',
      nodeId: 's=Valve.Text',
      dataType: 'String',
      value: { get: () => new Variant({ dataType: DataType.String, value: '42' }) },
    })
    const move = namespace.addMethod(valve, {
      browseName: 'Move',
      nodeId: 's=Valve.Move',
      inputArguments: [{ name: 'to', dataType: DataType.Double }],
      outputArguments: [{ name: 'result', dataType: DataType.Int32 }],
    })
    move.bindMethod(async ([to]: Variant[], _context: unknown) => {
      if (this.refusal) return { statusCode: StatusCodes.BadInvalidState }
      this.done.push(`Move ${to?.value}`)
      this.held.set('Moved', Number(to?.value))
      const said = new Variant({ dataType: DataType.Int32, value: this.result })
      return { statusCode: StatusCodes.Good, outputArguments: [said] }
    })
    for (const [name, moved] of [['Open', 1] as const, ['Close', 0] as const]) {
      const method = namespace.addMethod(valve, { browseName: name, nodeId: `s=Valve.${name}` })
      method.bindMethod(async (_inputs: Variant[], _context: unknown) => {
        this.done.push(name)
        this.held.set('Moved', moved)
        return { statusCode: StatusCodes.Good, outputArguments: [] }
      })
    }
  }

  /** Ends every session, as a server does that is set up anew: its clients are not told. */
  forgetSessions(): void {
    const sessions = (
      this.#server.engine as unknown as { _sessions: Record<string, { authenticationToken: object }> }
    )._sessions
    for (const { authenticationToken } of Object.values(sessions))
      this.#server.engine.closeSession(authenticationToken as never, true, 'Terminated')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown(0)
  }
}
