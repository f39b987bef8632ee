import { join } from 'node:path'
import { OpcUaWitness, type Security, type Served } from './witness.ts'

const PROGRAM = join(import.meta.dirname, 'programs', 'opcua_thrower.py')

/** What is wrong with a chunk, before it is secured: its signature is right all the same. */
export interface Wrong {
  /** MSG, or something else of three letters. */
  readonly kind?: string
  /** F, C, A or something else. */
  readonly chunk?: string
  /** Added to the sequence number. */
  readonly skip?: number
  readonly request?: number
  readonly channel?: number
  readonly token?: number
  /** How long it says that it is. */
  readonly size?: number
}

/** What came back after a chunk that was wrong and a request behind it that was right. */
export interface Heard {
  readonly answers: readonly {
    /** `thrown`, `next`, or the number of a request that nobody made. */
    readonly to: string
    /** The number of its encoding; 397 is a fault of the whole service. */
    readonly type: number
    readonly status: string
    readonly values?: readonly { readonly value: unknown; readonly status: string }[]
    /** Of each write or call in it. */
    readonly results?: readonly string[]
  }[]
  /** `open`, `closed`, `error` with the code that was said before it was closed, or what it should not be. */
  readonly end: string
}

/** A value in a request, by the number of its built-in type. */
interface Typed {
  readonly type: number
  readonly value: unknown
  /** Or it is an array. */
  readonly one: boolean
}

type NodeAsked = readonly [number, string] | null

/** What a request asks to be written (node, attribute, whether of the whole value, value) or called (object, method, arguments). */
export type Asked =
  | readonly [NodeAsked, number, boolean, Typed | null]
  | readonly [NodeAsked, NodeAsked, readonly Typed[]]

/** A client that is let in and then sends what it should not: programs/opcua_thrower.py. */
export class Thrower extends OpcUaWitness {
  constructor(served: Served, security: Security) {
    super(served, security, PROGRAM)
  }

  /** The body of a request, in hexadecimal. */
  async compose(what: string, ...words: readonly unknown[]): Promise<string> {
    return (await this.ask({ do: 'compose', what, words })) as string
  }

  /** `flips` change bits of the whole chunk after it was secured. */
  async throw(body: string, wrong: Wrong = {}, flips: readonly [number, number][] = []): Promise<Heard> {
    return (await this.ask({ do: 'throw', body, wrong, flips })) as Heard
  }

  async asks(body: string): Promise<readonly Asked[] | null> {
    return (await this.ask({ do: 'asks', body })) as readonly Asked[] | null
  }
}
