import { exceptionAnswer } from './answer.ts'
import { type Identify, ILLEGAL_ADDRESS } from './request.ts'

/** What a device says that it is (MODBUS Application Protocol V1.1b3 §6.21): the basic objects, and the regular ones it has. */
export interface Identification {
  readonly vendor: string
  readonly product_code: string
  readonly revision: string
  readonly vendor_url?: string | undefined
  readonly product_name?: string | undefined
  readonly model?: string | undefined
  readonly application?: string | undefined
}

/** The keys of an identification in the order of their object ids, from 0 on. */
const OBJECTS = [
  'vendor',
  'product_code',
  'revision',
  'vendor_url',
  'product_name',
  'model',
  'application',
] as const satisfies readonly (keyof Identification)[]

/** The last object of each category that can be streamed: basic, regular, extended. */
const LAST = { 1: 2, 2: 0x7f, 3: 0xff } as const
/** Identification by stream and by single object; the lowest bits say up to which category. */
const CONFORMITY_BASIC = 0x81
const CONFORMITY_REGULAR = 0x82
/** Function, kind, code, conformity, whether more follows, where, and how many objects there are. */
const HEADER_BYTES = 7
/** The largest PDU (§4.1). */
const PDU_MAX = 253
/** The longest text of an object: it has to fit into one answer, with its id and its length. */
export const OBJECT_MAX = PDU_MAX - HEADER_BYTES - 2

/**
 * Answers function 43/14. A stream begins at the object that is asked for, at the first where there is none such, and goes
 * on in another request where one answer cannot hold it. A category beyond what the device has is answered with what it has.
 */
export function identificationAnswer(identification: Identification, { code, object }: Identify): Buffer {
  const known = OBJECTS.flatMap((key, id) => {
    const text = identification[key]
    return text === undefined ? [] : [{ id, bytes: Buffer.from(text, 'latin1') }]
  })
  const conformity = known.length > LAST[1] + 1 ? CONFORMITY_REGULAR : CONFORMITY_BASIC
  if (code === 4) {
    const one = known.find(({ id }) => id === object)
    if (!one) return exceptionAnswer(43, ILLEGAL_ADDRESS)
    return Buffer.of(43, 14, code, conformity, 0, 0, 1, one.id, one.bytes.length, ...one.bytes)
  }
  const category = known.filter(({ id }) => id <= LAST[code])
  const from = category.some(({ id }) => id === object) ? object : 0
  const rest = category.filter(({ id }) => id >= from)
  const parts: Buffer[] = []
  let room = PDU_MAX - HEADER_BYTES
  for (const { id, bytes } of rest) {
    room -= 2 + bytes.length
    if (room < 0) break
    parts.push(Buffer.of(id, bytes.length, ...bytes))
  }
  const next = rest[parts.length]
  const follows = next ? [0xff, next.id] : [0, 0]
  return Buffer.concat([Buffer.of(43, 14, code, conformity, ...follows, parts.length), ...parts])
}
