/** One Modbus TCP frame (MODBUS Messaging on TCP/IP Implementation Guide V1.0b §3.1.3), or one of RTU. */
export interface Frame {
  /** 0 in RTU, which has none. */
  readonly transaction: number
  readonly unit: number
  /** Function code and data, 1 to 253 bytes. */
  readonly pdu: Buffer
}

export type Taken =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly rest: Buffer }
  /** More bytes must come first, behind what is worth keeping of these. */
  | { readonly kind: 'incomplete'; readonly rest: Buffer }
  /** Where the next frame begins can no longer be known: the connection is of no use. */
  | { readonly kind: 'malformed'; readonly reason: string }

/** Transaction, protocol and length: what stands before the bytes that the length counts. */
const HEADER_BYTES = 6
/** The unit id and at least a function code. */
const LENGTH_MIN = 2
/** The unit id and the largest PDU, 253 bytes (MODBUS Application Protocol V1.1b3 §4.1). */
const LENGTH_MAX = 254

/** Takes the first frame off a run of bytes. */
export function takeFrame(bytes: Buffer): Taken {
  if (bytes.length < 4) return { kind: 'incomplete', rest: bytes }
  const protocol = bytes.readUInt16BE(2)
  if (protocol !== 0) return { kind: 'malformed', reason: `protocol id ${protocol} is not 0` }
  if (bytes.length < HEADER_BYTES) return { kind: 'incomplete', rest: bytes }
  const length = bytes.readUInt16BE(4)
  if (length < LENGTH_MIN || length > LENGTH_MAX) {
    return { kind: 'malformed', reason: `length ${length} is not within ${LENGTH_MIN} to ${LENGTH_MAX}` }
  }
  const end = HEADER_BYTES + length
  if (bytes.length < end) return { kind: 'incomplete', rest: bytes }
  return {
    kind: 'frame',
    frame: {
      transaction: bytes.readUInt16BE(0),
      unit: bytes.readUInt8(6),
      pdu: bytes.subarray(HEADER_BYTES + 1, end),
    },
    rest: bytes.subarray(end),
  }
}

/** Writes a frame as bytes. */
export function formatFrame({ transaction, unit, pdu }: Frame): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + 1)
  header.writeUInt16BE(transaction, 0)
  header.writeUInt16BE(pdu.length + 1, 4)
  header.writeUInt8(unit, 6)
  return Buffer.concat([header, pdu])
}
