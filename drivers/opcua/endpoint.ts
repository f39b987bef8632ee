import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { EndpointDescription, UserIdentityInfo } from 'node-opcua-client'
import { loadLibrary } from './library.ts'

export interface OpcUaEndpoint {
  readonly url: string
  readonly securityPolicy: 'Basic256Sha256' | 'Aes256_Sha256_RsaPss'
  readonly securityMode: 'Sign' | 'SignAndEncrypt'
  /** Files in PEM: our application's certificate, whose URI names it, and its key. */
  readonly certificate: string
  readonly key: string
  /** The folder of the servers that are trusted. */
  readonly trusted: string
  readonly user: OpcUaUser
}

export type OpcUaUser =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'password'; readonly name: string; readonly passwordFile: string }
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }

type Within = <Result>(work: Promise<Result>) => Promise<Result>

/** USERNAME in UserTokenType (OPC 10000-4 §7.41). */
const USER_NAME = 1

/** What a server says of itself to everybody. */
export interface Discovered {
  /** Of the endpoint that is wanted. */
  readonly certificate: Buffer
  readonly offered: readonly EndpointDescription[]
}

/**
 * Asks a server, over a channel without security, what it offers. Proves nothing yet: whoever sits between may have said it.
 * Rejects when what is wanted is not among it, or a password would be sent for everybody to read.
 */
export async function discover(endpoint: OpcUaEndpoint, within: Within): Promise<Discovered> {
  const library = await loadLibrary()
  const client = library.OPCUAClient.create({
    ...(await clientOptions(endpoint)),
    securityMode: library.MessageSecurityMode.None,
    securityPolicy: library.SecurityPolicy.None,
  })
  try {
    await within(client.connect(endpoint.url))
    const offered = await within(client.getEndpoints())
    const { serverCertificate } = await wantedAmong(offered, endpoint)
    // A chain comes in one piece: the first is the server's own.
    return { certificate: new X509Certificate(serverCertificate).raw, offered }
  } finally {
    await within(client.disconnect()).catch(() => {})
  }
}

/**
 * Checks what the server says over the secured channel that it offers: that is from the server itself, and is what the library logs
 * in by. Throws where it is another thing than was said before (OPC 10000-4 §5.7.2: the client shall verify that), and where a
 * password would be sent for everybody to read: it comes before the session, so that none has been sent.
 */
export async function verifyOffer(
  secured: readonly EndpointDescription[],
  { offered }: Discovered,
  endpoint: OpcUaEndpoint,
): Promise<void> {
  await wantedAmong(secured, endpoint)
  if (essenceOf(secured) !== essenceOf(offered))
    throw new Error(
      'the server offers something else over the secured channel than was said before: was it set up anew just now, or is somebody between?',
    )
}

/** The endpoint that is wanted. Throws where it is not there, or shows passwords. */
async function wantedAmong(
  offered: readonly EndpointDescription[],
  endpoint: OpcUaEndpoint,
): Promise<EndpointDescription> {
  const library = await loadLibrary()
  const wanted = offered.find(
    ({ securityPolicyUri, securityMode }) =>
      securityPolicyUri === library.SecurityPolicy[endpoint.securityPolicy] &&
      securityMode === library.MessageSecurityMode[endpoint.securityMode],
  )
  if (!wanted)
    throw new Error(`the server does not offer ${endpoint.securityPolicy} with ${endpoint.securityMode}`)
  if (showsPassword(endpoint, wanted.userIdentityTokens ?? []))
    throw new Error(
      'the server takes passwords unencrypted here: expected security_mode: SignAndEncrypt for this user',
    )
  return wanted
}

/** What security hangs on in what a server offers, in one order. Its addresses may be told differently to different askers. */
function essenceOf(offered: readonly EndpointDescription[]): string {
  const all = offered.map(({ securityPolicyUri, securityMode, userIdentityTokens }) => {
    const tokens = (userIdentityTokens ?? []).map(({ policyId, tokenType, securityPolicyUri: policy }) =>
      JSON.stringify([policyId, tokenType, policy]),
    )
    return JSON.stringify([securityPolicyUri, securityMode, tokens.sort()])
  })
  return [...new Set(all)].sort().join()
}

interface TokenPolicy {
  readonly tokenType: number
  readonly securityPolicyUri: string | null
}

/** Whether everybody on the network could read the password: the server wants it as it is, and the channel is only signed. */
export function showsPassword(
  { user, securityMode }: Pick<OpcUaEndpoint, 'user' | 'securityMode'>,
  tokens: readonly TokenPolicy[],
): boolean {
  if (user.kind !== 'password' || securityMode !== 'Sign') return false
  // Without a policy of its own a token is encrypted as the channel would be (OPC 10000-4 §7.41).
  return tokens.some(
    ({ tokenType, securityPolicyUri }) =>
      tokenType === USER_NAME && securityPolicyUri?.endsWith('#None') === true,
  )
}

/** Everything about our end that the library wants to know. */
export async function clientOptions(endpoint: OpcUaEndpoint) {
  const { InMemoryCertificateStore } = await import('node-opcua-common')
  const certificate = new X509Certificate(await readFile(endpoint.certificate))
  const applicationUri = /URI:([^,]+)/.exec(certificate.subjectAltName ?? '')?.[1]
  if (!applicationUri)
    throw new Error(
      `${endpoint.certificate} names no application: it needs a URI as subject alternative name`,
    )
  return {
    applicationName: 'holdfast',
    clientName: 'holdfast',
    applicationUri,
    certificateFile: endpoint.certificate,
    privateKeyFile: endpoint.key,
    clientCertificateManager: new InMemoryCertificateStore(),
    endpointMustExist: false,
    keepSessionAlive: true,
    connectionStrategy: { maxRetry: 0 },
  }
}

/** The user as the library wants it. The files are read anew for each session. */
export async function userOf(
  user: OpcUaUser,
  types: typeof import('node-opcua-client').UserTokenType,
): Promise<UserIdentityInfo> {
  switch (user.kind) {
    case 'anonymous':
      return { type: types.Anonymous }
    case 'password': {
      const password = (await readFile(user.passwordFile, 'utf8')).replace(/\r?\n$/, '')
      return { type: types.UserName, userName: user.name, password }
    }
    case 'certificate': {
      const certificateData = new X509Certificate(await readFile(user.certificate)).raw
      return { type: types.Certificate, certificateData, privateKey: await readFile(user.key, 'utf8') }
    }
  }
}
