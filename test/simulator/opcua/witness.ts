import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type OpcUaPlant, USER } from './opcua-plant.ts'

const PROGRAM = join(import.meta.dirname, 'programs', 'opcua_client.py')

/** What a node showed: the status in hexadecimal, times in Unix milliseconds. */
export interface Shown {
  readonly value: unknown
  readonly status: string
  readonly source: number
  readonly server: number
}

/** Where a plant serves, and an application that it trusts. */
export type Served = Pick<OpcUaPlant, 'url' | 'client'>

export type Security = 'none' | 'sign' | 'sign-and-encrypt'

/** A client that shares no code with any OPC UA library: programs/opcua_client.py. */
export class OpcUaWitness implements AsyncDisposable {
  readonly #program: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  constructor({ url, client }: Served, security: Security, program = PROGRAM) {
    // Debian's own Python: its cryptography library is beside it.
    this.#program = spawn('/usr/bin/python3', [program, url, security, client.certificate, client.key])
    this.#program.stderr.pipe(process.stderr)
    this.#lines = createInterface(this.#program.stdout)[Symbol.asyncIterator]()
  }

  /** With a session, as the user. Rejects with the status when there is none. */
  static async open(plant: Served, security: Security): Promise<OpcUaWitness> {
    const witness = new OpcUaWitness(plant, security)
    await witness.ask({ do: 'open', user: security === 'none' ? null : USER })
    return witness
  }

  /** Rejects with the status code that the server gave for the whole service. */
  async ask(question: object): Promise<unknown> {
    this.#program.stdin.write(`${JSON.stringify(question)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the witness has ended')
    const answer = JSON.parse(value) as { is?: unknown; fault?: string }
    if (answer.fault !== undefined) throw new Error(answer.fault)
    return answer.is
  }

  async read(...names: readonly string[]): Promise<Shown[]> {
    return (await this.ask({ do: 'read', nodes: names.map(node) })) as Shown[]
  }

  /** The status in hexadecimal. */
  async write(name: string, type: string, value: unknown): Promise<string> {
    const [status] = (await this.ask({ do: 'write', node: node(name), type, value })) as string[]
    return status ?? ''
  }

  async call(object: string, method: string, value: number): Promise<unknown> {
    return this.ask({ do: 'call', object: node(object), method: node(method), type: 'Double', value })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#program.exitCode !== null) return
    const ended = once(this.#program, 'exit')
    this.#program.kill()
    await ended
  }
}

/** The plant's own namespace comes after that of OPC UA and that of the server. */
export function node(name: string): readonly [number, string] {
  return [2, name]
}
