import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { AgentAddress } from '../client/agent-client.ts'
import { signRequest } from '../client/sign.ts'
import type { Credential } from '../model/credential.ts'

const DEADLINE = 10_000

/** A request that is signed and not yet sent. */
export interface Prepared {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A client that keeps its connections, as a control room's does: `client/` opens one for each call. */
export class Operator implements Disposable {
  readonly #connections: Agent
  readonly #address: AgentAddress
  readonly #authority: string
  readonly #credential: Credential

  constructor(address: AgentAddress, credential: Credential) {
    this.#connections = new Agent({ keepAlive: true })
    this.#address = address
    this.#authority = address.kind === 'unix' ? 'localhost' : `${address.host}:${address.port}`
    this.#credential = credential
  }

  /** Sends a command. Throws unless the agent verified and recorded it. */
  async command(actuator: string, setpoint: number): Promise<void> {
    const prepared = this.prepare(`/v1/actuators/${actuator}/commands`, { setpoint })
    const { outcome, recorded } = await this.#mustAnswer(prepared, 200)
    if (outcome !== 'verified' || recorded !== true) throw new Error(`a command came out as ${outcome}`)
  }

  /** Trips an actuator by hand. Throws unless the agent did, and saw it in its safe state. */
  async trip(actuator: string): Promise<void> {
    await this.#mustAnswer(this.prepare(`/v1/actuators/${actuator}/trip`, {}), 200)
  }

  /** Acknowledges and resets a trip. Throws unless the agent did. */
  async reset(actuator: string): Promise<void> {
    await this.#mustAnswer(this.prepare(`/v1/actuators/${actuator}/acknowledge`, {}), 200)
    await this.#mustAnswer(this.prepare(`/v1/actuators/${actuator}/reset`, {}), 200)
  }

  /** Sends a command that must be refused as forged. Throws when it is not. */
  async forge(prepared: Prepared): Promise<void> {
    const { code } = await this.#mustAnswer(prepared, 403)
    if (code !== 'signature-invalid') throw new Error(`a forgery was refused as ${code}`)
  }

  prepare(path: string, message: object): Prepared {
    const body = Buffer.from(JSON.stringify(message))
    const headers = signRequest(
      { method: 'POST', authority: this.#authority, path, body },
      this.#credential,
      {
        created: Math.floor(Date.now() / 1000),
        nonce: randomBytes(16),
      },
    )
    return { path, headers, body }
  }

  [Symbol.dispose](): void {
    this.#connections.destroy()
  }

  async #mustAnswer(prepared: Prepared, expected: number): Promise<Record<string, unknown>> {
    const { status, text } = await this.#send(prepared)
    if (status !== expected) throw new Error(`${prepared.path} was answered with ${status}: ${text.trim()}`)
    return JSON.parse(text) as Record<string, unknown>
  }

  #send({ path, headers, body }: Prepared): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
    const where =
      this.#address.kind === 'unix'
        ? { socketPath: this.#address.path }
        : { host: this.#address.host, port: this.#address.port }
    const outgoing = request(
      {
        ...where,
        agent: this.#connections,
        method: 'POST',
        path,
        timeout: DEADLINE,
        headers: {
          Host: this.#authority,
          'Content-Length': body.length,
          'Content-Type': 'application/json',
          ...headers,
        },
      },
      incoming => {
        let text = ''
        incoming.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        incoming.on('error', reject)
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }))
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${path} was not answered in time`)))
    outgoing.on('error', reject)
    outgoing.end(body)
    return promise
  }
}
