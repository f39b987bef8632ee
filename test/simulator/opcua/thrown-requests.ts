import fc from 'fast-check'
import type { WriteEvent } from '../../../simulator/plant.ts'
import type { Asked, Thrower, Wrong } from './thrower.ts'
import { node } from './witness.ts'

/** Requests as they should be, from which those are made that are not. */
export const REQUESTS = {
  read: ['read', node('tank.level'), node('drain-valve.command')],
  'write a number': ['write', node('drain-valve.command'), 'Double', 0.5],
  'write a contact': ['write', node('inlet-valve.command'), 'Boolean', true],
  'write a register': ['write', node('holding-register.0'), 'UInt16', 99],
  call: ['call', node('drain-valve'), node('drain-valve.move'), 'Double', 0.25],
  subscribe: ['subscribe'],
  browse: ['browse', node('tank.level')],
} as const

export type RequestName = keyof typeof REQUESTS

export async function compose(thrower: Thrower, name: RequestName): Promise<Buffer> {
  const [what, ...words] = REQUESTS[name]
  return Buffer.from(await thrower.compose(what, ...words), 'hex')
}

/** Services by the numbers of their requests, and what is none: an answer, a structure, nothing known. */
const TYPES = [428, 446, 452, 461, 467, 473, 527, 631, 673, 712, 751, 787, 634, 297, 0, 65_535]
const WORDS = [0, 1, -1, 2, 7, 255, 1000, 65_536, 0x7fff_ffff, -0x8000_0000]

/** One thing that is done to the body of a request. */
type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bits: number }
  | { readonly kind: 'word'; readonly at: number; readonly word: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'drop' | 'double'; readonly at: number; readonly length: number }
  | { readonly kind: 'put'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'type'; readonly type: number }

const at = fc.nat(300)
const length = fc.integer({ min: 1, max: 16 })

const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('flip'), at, bits: fc.integer({ min: 1, max: 255 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('word'), at, word: fc.constantFrom(...WORDS) }) },
  fc.record({ kind: fc.constant('cut'), at }),
  fc.record({ kind: fc.constantFrom('drop', 'double'), at, length }),
  fc.record({ kind: fc.constant('put'), at, bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }) }),
  fc.record({ kind: fc.constant('type'), type: fc.constantFrom(...TYPES) }),
)

/** What is wrong with the head of a chunk. */
const wrong: fc.Arbitrary<Wrong> = fc.oneof(
  fc.record({ kind: fc.constantFrom('OPN', 'CLO', 'HEL', 'ACK', 'ERR', 'RHE', 'XYZ') }),
  fc.record({ chunk: fc.constantFrom('C', 'A', 'X', '\0') }),
  fc.record({ skip: fc.constantFrom(-1, 1, 1000, -1_000_000) }),
  fc.record({ request: fc.constantFrom(0, 1, 0xffff_ffff) }),
  fc.record({ channel: fc.nat(0xffff_ffff) }),
  fc.record({ token: fc.nat(0xffff_ffff) }),
  fc.record({ size: fc.oneof(fc.nat(300), fc.constantFrom(8192, 65_537, 0x7fff_ffff, 0xffff_ffff)) }),
)

export interface Thrown {
  readonly name: RequestName
  readonly edits: readonly Edit[]
  readonly wrong: Wrong
}

const name = fc.constantFrom(...(Object.keys(REQUESTS) as RequestName[]))

/** Mostly one thing is wrong: of two, the first that a server looks at hides the other. */
export const thrown: fc.Arbitrary<Thrown> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      name,
      edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
      wrong: fc.constant({}),
    }),
  },
  { weight: 1, arbitrary: fc.record({ name, edits: fc.constant([]), wrong }) },
  { weight: 1, arbitrary: fc.record({ name, edits: fc.array(edit, { minLength: 1, maxLength: 2 }), wrong }) },
)

export function edited(body: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduce(applyEdit, body)
}

function applyEdit(body: Buffer, edit: Edit): Buffer {
  switch (edit.kind) {
    case 'type': {
      const type = Buffer.from([1, 0, 0, 0])
      type.writeUInt16LE(edit.type, 2)
      return Buffer.concat([type, body.subarray(4)])
    }
    case 'flip': {
      const other = Buffer.from(body)
      const at = edit.at % Math.max(1, body.length)
      other[at] = (other[at] ?? 0) ^ edit.bits
      return other
    }
    case 'word': {
      if (body.length < 4) return body
      const other = Buffer.from(body)
      other.writeInt32LE(edit.word, edit.at % (body.length - 3))
      return other
    }
    case 'cut':
      return body.subarray(0, edit.at % (body.length + 1))
    case 'drop': {
      const at = edit.at % (body.length + 1)
      return Buffer.concat([body.subarray(0, at), body.subarray(at + edit.length)])
    }
    case 'double': {
      const at = edit.at % (body.length + 1)
      return Buffer.concat([body.subarray(0, at + edit.length), body.subarray(at)])
    }
    case 'put': {
      const at = edit.at % (body.length + 1)
      return Buffer.concat([body.subarray(0, at), edit.bytes, body.subarray(at)])
    }
  }
}

const VALUE = 13
const [BOOLEAN, UINT16, DOUBLE] = [1, 5, 11]
type Cell = Pick<WriteEvent, 'table' | 'address' | 'value'>

/** The cell that is written for a value in a node of the water plant. */
const CELLS: Readonly<Record<string, { readonly type: number; readonly cell: (value: number) => Cell }>> = {
  'inlet-valve.command': { type: BOOLEAN, cell: value => ({ table: 'coil', address: 0, value }) },
  'coolant-pump.command': { type: BOOLEAN, cell: value => ({ table: 'coil', address: 1, value }) },
  'coil.2': { type: BOOLEAN, cell: value => ({ table: 'coil', address: 2, value }) },
  'holding-register.0': { type: UINT16, cell: value => ({ table: 'holding-register', address: 0, value }) },
  'holding-register.1': { type: UINT16, cell: value => ({ table: 'holding-register', address: 1, value }) },
  'drain-valve.command': {
    type: DOUBLE,
    cell: value => ({ table: 'holding-register', address: 10, value: Math.round(value * 1000) }),
  },
}

/** What may land of what was asked, by the reading of the client's own reader: no other write is the server's to make. */
export function cellsAsked(asked: readonly Asked[] | null): Cell[] {
  return (asked ?? []).flatMap(one => {
    const [name, value, type] = one.length === 4 ? written(one) : called(one)
    const found = CELLS[name]
    if (!found || value === null || typeof value === 'object') return []
    return type === (one.length === 4 ? found.type : DOUBLE) ? [found.cell(Number(value))] : []
  })
}

function written([node, attribute, isWhole, typed]: Extract<Asked, { length: 4 }>) {
  const isValue = node?.[0] === 2 && attribute === VALUE && isWhole && typed?.one
  return isValue ? ([node[1], typed.value, typed.type] as const) : NOTHING
}

function called([object, method, [to, ...more]]: Extract<Asked, { length: 3 }>) {
  const isMove = object?.[0] === 2 && method?.[0] === 2 && method[1] === `${object[1]}.move`
  return isMove && to?.one && more.length === 0
    ? ([`${object[1]}.command`, to.value, to.type] as const)
    : NOTHING
}

const NOTHING = ['', null, 0] as const
