import type { Millis } from '../../model/time.ts'
import type { Arrival, Framing } from './framing.ts'

const READ_IDENTIFICATION = 43
/** Twice the longest frame. */
const KEPT = 512
const NOTHING = Buffer.alloc(0)
/** What may come between a request and its answer before the line is given up: more than a line carries in most deadlines. */
const NOISE_MAX = 65_536

/** The one request that is waited for. */
interface Expected {
  readonly number: number
  readonly unit: number
  readonly code: number
}

/**
 * The framing of Modbus RTU (MODBUS over Serial Line V1.02 §2.5.1): a unit, a PDU and a check sum, and nothing that says
 * which request an answer belongs to, or how long it is. So one request is out at a time, and its answer is what begins with
 * its unit and function code and has the right check sum; everything else on the line is noise. There may be more than one of
 * them: an answer that is late, and then the one that was waited for.
 */
export class Rtu implements Framing {
  readonly inFlightMax = 1
  readonly namesRequests = false
  readonly turnaround: Millis
  #expected: Expected | undefined
  #rest: Buffer = NOTHING
  /** How much has come since the request. */
  #heard = 0

  /** `turnaround` is the silence that the line wants between an answer and the next request. */
  constructor(turnaround: Millis) {
    this.turnaround = turnaround
  }

  frame(number: number, unit: number, pdu: Buffer): Buffer {
    this.#expected = { number, unit, code: pdu[0] ?? 0 }
    this.#rest = NOTHING
    this.#heard = 0
    const frame = Buffer.alloc(pdu.length + 3)
    frame.writeUInt8(unit, 0)
    pdu.copy(frame, 1)
    frame.writeUInt16LE(checkSum(frame.subarray(0, -2)), frame.length - 2)
    return frame
  }

  *accept(bytes: Buffer): Iterable<Arrival> {
    const { number, unit, code } = this.#expected ?? {}
    if (number === undefined || unit === undefined || code === undefined) return
    this.#heard += bytes.length
    if (this.#heard > NOISE_MAX) {
      yield { kind: 'nonsense', reason: `more than ${NOISE_MAX} bytes, and no answer in them` }
      return
    }
    this.#rest = Buffer.concat([this.#rest, bytes]).subarray(-KEPT)
    let mayBecome = false
    for (let at = 0; at < this.#rest.length; at += 1) {
      const rest = this.#rest.subarray(at)
      if (rest[0] !== unit) continue
      const length = rest.length < 2 || ((rest[1] ?? 0) & 0x7f) === code ? answerLength(rest) : 0
      if (length === undefined || rest.length < length) mayBecome = true
      else if (length > 0 && rest.readUInt16LE(length - 2) === checkSum(rest.subarray(0, length - 2))) {
        this.#rest = rest.subarray(length)
        yield { kind: 'answer', number, unit, pdu: rest.subarray(1, length - 2) }
        yield* this.accept(NOTHING)
        return
      }
    }
    // What looks like a beginning may be one, and may be noise before the frame.
    if (!mayBecome) this.#rest = NOTHING
  }
}

/** How long an answer is from its unit to its check sum; undefined while that cannot be told. */
function answerLength(frame: Buffer): number | undefined {
  const [, code] = frame
  if (code === undefined) return undefined
  if (code & 0x80) return 5
  switch (code) {
    case 1:
    case 2:
    case 3:
    case 4:
      return frame.length < 3 ? undefined : 5 + (frame[2] ?? 0)
    case 22:
      return 10
    case READ_IDENTIFICATION:
      return identificationLength(frame)
    default:
      return 8
  }
}

/** Each object tells its own length only (V1.1b3 §6.21). */
function identificationLength(frame: Buffer): number | undefined {
  if (frame.length < 8) return undefined
  let end = 8
  for (let left = frame[7] ?? 0; left > 0; left -= 1) {
    const length = frame[end + 1]
    if (length === undefined) return undefined
    end += 2 + length
  }
  return end + 2
}

/** CRC-16 as MODBUS over Serial Line V1.02 §6.2.2 defines it. */
function checkSum(bytes: Buffer): number {
  let sum = 0xffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >> 1) ^ 0xa001 : sum >> 1
  }
  return sum
}
