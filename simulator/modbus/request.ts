import type { Table, WritableTable } from '../image.ts'

/** What a client asks. */
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

/** Most cells in one request (§6.1 to §6.12). */
const READ_BITS_MAX = 2000
const READ_REGISTERS_MAX = 125
const WRITE_BITS_MAX = 1968
const WRITE_REGISTERS_MAX = 123

/**
 * Reads a request from its PDU. The checks come in the order of the state diagrams in §6: function code, then quantity
 * and length. A PDU that is too short or too long for its function is an illegal value, which §7 calls "the implied
 * length is incorrect".
 */
export function parseRequest(pdu: Buffer): Request | Unparsed {
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
    default:
      return { kind: 'unparsed', code: ILLEGAL_FUNCTION }
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
