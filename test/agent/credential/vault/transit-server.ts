import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Certified } from './certificates.ts'

/** A key of the transit engine, of type hmac. */
interface TransitKey {
  readonly versions: Map<number, Uint8Array>
  minEncryptionVersion: number
}

/** A request as it was received. */
export interface SeenRequest {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What is answered in place of everything else. */
export interface Replacement {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body: string
}

/**
 * A stand-in for Vault and OpenBao, as far as `POST /v1/<mount>/hmac/<key>/<algorithm>` goes: answers and errors are those
 * of the HTTP API's documentation and of builtin/logical/transit/path_hmac.go in both projects.
 */
export class TransitServer implements AsyncDisposable {
  readonly #server: Server
  readonly keys = new Map<string, TransitKey>()
  readonly tokens = new Set<string>()
  /** The mounts, with their namespaces in front: `transit`, `plant/transit`. */
  readonly mounts = new Set(['transit'])
  readonly seen: SeenRequest[] = []
  sealed = false
  replacement: Replacement | undefined
  /** Takes requests and never answers. */
  silent = false

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => void this.#handle(request, response))
  }

  static async start(certified: Certified): Promise<TransitServer> {
    const server = createServer(certified)
    // A client that does not like the certificate hangs up: that is what the tests want.
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TransitServer(server)
  }

  get address(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Makes a key whose versions are these, from 1. */
  keep(name: string, ...versions: Uint8Array[]): void {
    const numbered = versions.map((key, index) => [index + 1, key] as const)
    this.keys.set(name, { versions: new Map(numbered), minEncryptionVersion: 0 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    this.seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body })
    if (this.silent) return
    const answer = this.replacement ?? this.#answer(request, body)
    response.writeHead(answer.status, {
      'Cache-Control': 'no-store',
      'Content-Type': 'application/json',
      ...('headers' in answer ? answer.headers : {}),
    })
    response.end(answer.body)
  }

  #answer(request: IncomingMessage, body: string): Replacement {
    if (this.sealed) return errors(503, 'Vault is sealed')
    const { 'x-vault-token': token, 'x-vault-namespace': namespace } = request.headers
    if (typeof token !== 'string' || !this.tokens.has(token)) return errors(403, 'permission denied')
    const path = decodeURIComponent(request.url ?? '').replace(/^\/v1\//, '')
    const [, mount = '', name = '', algorithm = 'sha2-256'] =
      /^(.+)\/hmac\/([^/]+)(?:\/(.+))?$/.exec(path) ?? []
    const place = namespace === undefined ? mount : `${String(namespace).replace(/\/$/, '')}/${mount}`
    if (!this.mounts.has(place)) return errors(404, `no handler for route "${path}". route entry not found.`)
    if (request.method !== 'POST' && request.method !== 'PUT')
      return errors(405, '1 error occurred:\n\t* unsupported operation\n\n')
    return this.#hmac(name, algorithm, body)
  }

  #hmac(name: string, algorithm: string, body: string): Replacement {
    const fields = parse(body)
    if (fields === undefined) return errors(400, 'failed to parse JSON input')
    const key = this.keys.get(name)
    if (!key) return errors(400, 'encryption key not found')
    const latest = key.versions.size
    const asked = typeof fields.key_version === 'number' ? fields.key_version : 0
    const version = asked === 0 ? latest : asked
    if (version !== latest && version < key.minEncryptionVersion)
      return errors(400, 'cannot generate HMAC: version is too old (disallowed by policy)')
    const secret = key.versions.get(version)
    if (!secret) return errors(400, `key version does not exist; latest key version is ${latest}`)
    const hash = new Map([
      ['sha2-256', 'sha256'],
      ['sha2-512', 'sha512'],
    ]).get(algorithm)
    if (hash === undefined) return errors(400, 'unsupported algorithm %!q(keysutil.HashType=0)')
    if (typeof fields.input !== 'string') return errors(400, 'missing input for HMAC')
    const input = Buffer.from(fields.input, 'base64')
    if (input.toString('base64') !== fields.input)
      return errors(400, 'unable to decode input as base64: illegal base64 data at input byte 0')
    return success(`vault:v${version}:${createHmac(hash, secret).update(input).digest('base64')}`)
  }
}

/** The envelope of every answer (HTTP API; sdk/logical/translate_response.go). */
export function success(hmac: string): Replacement {
  const answer = {
    request_id: randomUUID(),
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data: { hmac },
    wrap_info: null,
    warnings: null,
    auth: null,
    mount_type: 'transit',
  }
  return { status: 200, body: `${JSON.stringify(answer)}\n` }
}

export function errors(status: number, ...texts: string[]): Replacement {
  return { status, body: `${JSON.stringify({ errors: texts })}\n` }
}

function parse(body: string): { input?: unknown; key_version?: unknown } | undefined {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
