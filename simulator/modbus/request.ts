import type { Table, WritableTable } from '../image.ts'

/** What a client asks of a PLC's cells. */
export type Request =
  | {
      readonly kind: 'read'
      readonly functionCode: number
      readonly table: Table
      readonly address: number
      readonly quantity: number
    }
  | {
      readonly kind: 'write'
      readonly functionCode: number
      readonly table: WritableTable
      readonly address: number
      readonly values: readonly number[]
    }

/** Changes some bits of a register (function 22): register = register AND and OR (or AND NOT and). */
export interface MaskWrite {
  readonly kind: 'mask'
  readonly address: number
  readonly and: number
  readonly or: number
}

/** Writes registers and then reads some, with nothing in between (function 23). */
export interface Exchange {
  readonly kind: 'exchange'
  readonly write: Extract<Request, { kind: 'write' }>
  readonly read: Extract<Request, { kind: 'read' }>
}

/** Asks what the device is (function 43/14): a stream of basic (1), regular (2) or all (3) objects, or one object (4). */
export interface Identify {
  readonly kind: 'identify'
  readonly code: 1 | 2 | 3 | 4
  readonly object: number
}

/** Everything that a client asks. */
export type ModbusRequest = Request | MaskWrite | Exchange | Identify

/** Exception codes (MODBUS Application Protocol V1.1b3 §7). */
export const ILLEGAL_FUNCTION = 1
export const ILLEGAL_ADDRESS = 2
export const ILLEGAL_VALUE = 3
export const DEVICE_FAILURE = 4
export const GATEWAY_TARGET_FAILED = 0x0b

/** Why a request is none: the exception code to answer. */
export interface Unparsed {
  readonly kind: 'unparsed'
  readonly code: typeof ILLEGAL_FUNCTION | typeof ILLEGAL_VALUE
}

const illegalValue: Unparsed = { kind: 'unparsed', code: ILLEGAL_VALUE }

const illegalFunction: Unparsed = { kind: 'unparsed', code: ILLEGAL_FUNCTION }

/** Most cells in one request (§6.1 to §6.12, §6.17). */
const READ_BITS_MAX = 2000
const READ_REGISTERS_MAX = 125
const WRITE_BITS_MAX = 1968
const WRITE_REGISTERS_MAX = 123
const EXCHANGE_WRITE_MAX = 121

/** The one kind of encapsulated interface that is served: device identification (§6.20). */
const READ_IDENTIFICATION = 14

/**
 * Reads a request from its PDU. The checks come in the order of the state diagrams in §6: function code, then quantity
 * and length. A PDU that is too short or too long for its function is an illegal value, which §7 calls "the implied
 * length is incorrect".
 */
export function parseRequest(pdu: Buffer): ModbusRequest | Unparsed {
  switch (pdu[0]) {
    case 1:
      return parseRead(pdu, 'coil', READ_BITS_MAX)
    case 2:
      return parseRead(pdu, 'discrete-input', READ_BITS_MAX)
    case 3:
      return parseRead(pdu, 'holding-register', READ_REGISTERS_MAX)
    case 4:
      return parseRead(pdu, 'input-register', READ_REGISTERS_MAX)
    case 5:
      return parseWriteCoil(pdu)
    case 6:
      return parseWriteRegister(pdu)
    case 15:
      return parseWriteCoils(pdu)
    case 16:
      return parseWriteRegisters(pdu)
    case 22:
      return parseMaskWrite(pdu)
    case 23:
      return parseExchange(pdu)
    case 43:
      return parseIdentify(pdu)
    default:
      return illegalFunction
  }
}

function parseRead(pdu: Buffer, table: Table, most: number): Request | Unparsed {
  if (pdu.length !== 5) return illegalValue
  const quantity = pdu.readUInt16BE(3)
  if (quantity < 1 || quantity > most) return illegalValue
  return { kind: 'read', functionCode: pdu.readUInt8(0), table, address: pdu.readUInt16BE(1), quantity }
}

function parseWriteCoil(pdu: Buffer): Request | Unparsed {
  if (pdu.length !== 5) return illegalValue
  const value = pdu.readUInt16BE(3)
  if (value !== 0xff00 && value !== 0x0000) return illegalValue
  return {
    kind: 'write',
    functionCode: 5,
    table: 'coil',
    address: pdu.readUInt16BE(1),
    values: [value === 0 ? 0 : 1],
  }
}

function parseWriteRegister(pdu: Buffer): Request | Unparsed {
  if (pdu.length !== 5) return illegalValue
  return {
    kind: 'write',
    functionCode: 6,
    table: 'holding-register',
    address: pdu.readUInt16BE(1),
    values: [pdu.readUInt16BE(3)],
  }
}

function parseWriteCoils(pdu: Buffer): Request | Unparsed {
  if (pdu.length < 6) return illegalValue
  const [address, quantity, bytes] = [pdu.readUInt16BE(1), pdu.readUInt16BE(3), pdu.readUInt8(5)]
  if (quantity < 1 || quantity > WRITE_BITS_MAX) return illegalValue
  if (bytes !== Math.ceil(quantity / 8) || pdu.length !== 6 + bytes) return illegalValue
  const values = Array.from({ length: quantity }, (_, i) => (pdu.readUInt8(6 + (i >> 3)) >> (i & 7)) & 1)
  return { kind: 'write', functionCode: 15, table: 'coil', address, values }
}

function parseWriteRegisters(pdu: Buffer): Request | Unparsed {
  if (pdu.length < 6) return illegalValue
  const [address, quantity, bytes] = [pdu.readUInt16BE(1), pdu.readUInt16BE(3), pdu.readUInt8(5)]
  if (quantity < 1 || quantity > WRITE_REGISTERS_MAX) return illegalValue
  if (bytes !== quantity * 2 || pdu.length !== 6 + bytes) return illegalValue
  const values = Array.from({ length: quantity }, (_, i) => pdu.readUInt16BE(6 + i * 2))
  return { kind: 'write', functionCode: 16, table: 'holding-register', address, values }
}

function parseMaskWrite(pdu: Buffer): MaskWrite | Unparsed {
  if (pdu.length !== 7) return illegalValue
  return {
    kind: 'mask',
    address: pdu.readUInt16BE(1),
    and: pdu.readUInt16BE(3),
    or: pdu.readUInt16BE(5),
  }
}

function parseExchange(pdu: Buffer): Exchange | Unparsed {
  if (pdu.length < 10) return illegalValue
  const quantity = pdu.readUInt16BE(3)
  const [count, bytes] = [pdu.readUInt16BE(7), pdu.readUInt8(9)]
  if (quantity < 1 || quantity > READ_REGISTERS_MAX || count < 1 || count > EXCHANGE_WRITE_MAX)
    return illegalValue
  if (bytes !== count * 2 || pdu.length !== 10 + bytes) return illegalValue
  const values = Array.from({ length: count }, (_, i) => pdu.readUInt16BE(10 + i * 2))
  const of = { functionCode: 23, table: 'holding-register' } as const
  return {
    kind: 'exchange',
    read: { kind: 'read', ...of, address: pdu.readUInt16BE(1), quantity },
    write: { kind: 'write', ...of, address: pdu.readUInt16BE(5), values },
  }
}

/** Another kind of encapsulated interface is another function (§6.21, figure 33). */
function parseIdentify(pdu: Buffer): Identify | Unparsed {
  if (pdu.length < 2) return illegalValue
  if (pdu[1] !== READ_IDENTIFICATION) return illegalFunction
  if (pdu.length !== 4) return illegalValue
  const [code, object] = [pdu.readUInt8(2), pdu.readUInt8(3)]
  if (code !== 1 && code !== 2 && code !== 3 && code !== 4) return illegalValue
  return { kind: 'identify', code, object }
}
