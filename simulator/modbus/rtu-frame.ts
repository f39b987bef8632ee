import { crc } from './crc.ts'
import type { Frame, Taken } from './frame.ts'

/** Unit id, function code and CRC. */
const FRAME_MIN = 4
/** MODBUS over Serial Line V1.02 §2.3. */
const FRAME_MAX = 256

/**
 * Takes the first request off a run of bytes. The standard marks frames by silence on the line, which a pty, a USB
 * adapter or TCP does not keep; a request's length follows from its function code instead, and its CRC says whether it
 * is one. What cannot be the start of a request is passed over, byte by byte, so that a request is found behind noise
 * or behind the answers of other units.
 */
export function takeRtuFrame(bytes: Buffer): Taken {
  for (let start = 0; start + FRAME_MIN <= bytes.length; start++) {
    const candidate = bytes.subarray(start)
    const length = requestLength(candidate) ?? (start === 0 ? unknownLength(bytes) : undefined)
    if (length === undefined || length > candidate.length || !isSound(candidate.subarray(0, length))) continue
    const frame = { transaction: 0, unit: candidate.readUInt8(0), pdu: candidate.subarray(1, length - 2) }
    return { kind: 'frame', frame, rest: candidate.subarray(length) }
  }
  // A request that is still to be completed begins in what one could hold.
  return { kind: 'incomplete', rest: bytes.subarray(Math.max(0, bytes.length - FRAME_MAX + 1)) }
}

/** Writes a frame as bytes. */
export function formatRtuFrame({ unit, pdu }: Frame): Buffer {
  const bytes = Buffer.alloc(pdu.length + 3)
  bytes.writeUInt8(unit, 0)
  pdu.copy(bytes, 1)
  bytes.writeUInt16LE(crc(bytes.subarray(0, -2)), bytes.length - 2)
  return bytes
}

/**
 * How long the request is that begins here; undefined for a function that is not ours, or when that cannot be known
 * yet.
 */
function requestLength(bytes: Buffer): number | undefined {
  const functionCode = bytes.readUInt8(1)
  if (functionCode >= 1 && functionCode <= 6) return 8
  switch (functionCode) {
    case 15:
    case 16:
      return bytes.length < 7 ? FRAME_MAX : 9 + bytes.readUInt8(6)
    case 22:
      return 10
    case 23:
      return bytes.length < 11 ? FRAME_MAX : 13 + bytes.readUInt8(10)
    case 43:
      // Other kinds than device identification may have any length.
      return bytes.readUInt8(2) === 14 ? 7 : undefined
    default:
      return undefined
  }
}

/** A function that is not ours may have any length: all that is there, if it came by itself. */
function unknownLength(bytes: Buffer): number | undefined {
  return bytes.length <= FRAME_MAX ? bytes.length : undefined
}

function isSound(bytes: Buffer): boolean {
  return crc(bytes.subarray(0, -2)) === bytes.readUInt16LE(bytes.length - 2)
}
