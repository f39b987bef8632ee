import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { Address } from '../modbus/server.ts'
import type { Plant } from '../plant.ts'
import { type Answer, problem } from './answer.ts'
import { answerRequest } from './routes.ts'
import type { TimeControl } from './time.ts'

/** Largest body that is read, in bytes: a fault is a line. */
const BODY_MAX = 16_384

/** The page and its parts, by path. */
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'mimic.html', type: 'text/html; charset=utf-8' },
  '/mimic.css': { file: 'mimic.css', type: 'text/css; charset=utf-8' },
  '/mimic.js': { file: 'mimic.js', type: 'text/javascript; charset=utf-8' },
}

/** Nothing but what this server serves, and nobody else's frame. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
}

/** The control port of a plant: its state, its faults and its time over HTTP, and a page with a live picture of it. */
export class ControlServer implements AsyncDisposable {
  readonly #server: Server
  readonly #plant: Plant
  readonly #time: TimeControl
  #address: Address

  private constructor(address: Address, plant: Plant, time: TimeControl) {
    this.#address = address
    this.#plant = plant
    this.#time = time
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  /** Listens; port 0 takes a free one. Rejects with the system's error when the address can't be had. */
  static async start(address: Address, plant: Plant, time: TimeControl): Promise<ControlServer> {
    const control = new ControlServer(address, plant, time)
    control.#server.listen(address)
    await once(control.#server, 'listening')
    const bound = control.#server.address()
    if (bound !== null && typeof bound === 'object') control.#address = { ...address, port: bound.port }
    return control
  }

  get address(): Address {
    return this.#address
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#answer(request).catch(() =>
      problem(500, 'this is a mistake of the simulator; please report it'),
    )
    response.writeHead(status, { ...HEADERS, 'content-type': type }).end(body)
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const stranger = strangeness(request, this.#address)
    if (stranger !== undefined) return problem(403, stranger)
    const pathname = request.url?.split('?')[0] ?? '/'
    const page = request.method === 'GET' ? FILES[pathname] : undefined
    if (page) {
      return { status: 200, type: page.type, body: await readFile(new URL(page.file, import.meta.url)) }
    }
    const body = await readBody(request)
    if (typeof body !== 'string') return problem(413, `expected a body of at most ${BODY_MAX} bytes`)
    return answerRequest(this.#plant, this.#time, { method: request.method ?? '', path: pathname, body })
  }
}

/**
 * Why a request is not taken: a browser sent it for another site. Without this any page that somebody has open could
 * set faults (by a form, or by a name that it lets point here).
 */
function strangeness({ headers, method }: IncomingMessage, { host, port }: Address): string | undefined {
  const named = headers.host ?? ''
  const names = [host, 'localhost', '127.0.0.1', '[::1]']
  // Listening everywhere, each of its addresses may be right, and its own name; another name may be one that a page lets point here.
  const isEverywhere = host === '0.0.0.0' || host === '::'
  if (isEverywhere) names.push(hostname())
  const isNamed = names.some(name => named === name || named === `${name}:${port}`)
  const isAddress = isIP(named.replace(/:[0-9]*$/, '').replace(/^\[(.*)\]$/, '$1')) !== 0
  if (!isNamed && !(isEverywhere && isAddress)) return `the host ${named} is not this plant`
  if (headers.origin !== undefined && headers.origin !== `http://${named}`) {
    return `pages of ${headers.origin} may not use this plant`
  }
  const isJson = headers['content-type']?.split(';')[0]?.trim() === 'application/json'
  if (method === 'POST' && !isJson) return 'expected content-type: application/json'
  return undefined
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      bytes += chunk.length
      if (bytes > BODY_MAX) return undefined
      chunks.push(chunk)
    }
  } catch {
    // The client has gone: nobody hears the answer.
    return ''
  }
  return Buffer.concat(chunks).toString('utf8')
}
