import type { Millis } from '../../model/time.ts'
import { Echo, isConfirmedByItself } from './echo.ts'
import { type Arrival, type Framing, NOISE_MAX } from './framing.ts'

const READ_IDENTIFICATION = 43
/** Twice the longest frame. */
const KEPT = 512
const NOTHING = Buffer.alloc(0)

/** The one request that is waited for. */
interface Expected {
  readonly number: number
  readonly unit: number
  readonly code: number
  readonly request: Buffer
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
  readonly #echo: Echo
  /** What came first since the request: as much as the request is long. */
  #head: Buffer = NOTHING
  /** Whether the echo of the request has come. */
  #hasEchoed = false
  /** Whether this connection has shown if there is an echo on it. */
  #isEchoKnown = false

  /** `turnaround` is the silence that the line wants between an answer and the next request. */
  constructor(turnaround: Millis, echo = new Echo()) {
    this.turnaround = turnaround
    this.#echo = echo
  }

  frame(number: number, unit: number, pdu: Buffer): Buffer {
    this.#rest = NOTHING
    this.#head = NOTHING
    this.#hasEchoed = false
    this.#heard = 0
    const frame = Buffer.alloc(pdu.length + 3)
    frame.writeUInt8(unit, 0)
    pdu.copy(frame, 1)
    frame.writeUInt16LE(checkSum(frame.subarray(0, -2)), frame.length - 2)
    this.#expected = { number, unit, code: pdu[0] ?? 0, request: frame }
    return frame
  }

  *accept(bytes: Buffer): Iterable<Arrival> {
    if (!this.#expected) return
    const { number, unit, code, request } = this.#expected
    this.#listenForEcho(bytes, this.#expected)
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
        if (this.#echo.isHeard && !this.#hasEchoed && rest.subarray(0, length).equals(request))
          this.#hasEchoed = true
        else {
          this.#learn(code)
          yield { kind: 'answer', number, unit, pdu: rest.subarray(1, length - 2) }
        }
        yield* this.accept(NOTHING)
        return
      }
    }
    // What looks like a beginning may be one, and may be noise before the frame.
    if (!mayBecome) this.#rest = NOTHING
  }

  /** An answer of other bytes than the request's shows whether there is an echo: one was there before it, or none is. */
  #listenForEcho(bytes: Buffer, { code, request }: Expected): void {
    if (isConfirmedByItself(code) || this.#head.length === request.length) return
    this.#head = Buffer.concat([this.#head, bytes]).subarray(0, request.length)
    if (!this.#head.equals(request)) return
    this.#hasEchoed = true
    this.#echo.isHeard = true
    this.#isEchoKnown = true
  }

  /** A first answer without an echo before it says that there is none any more. Later ones do not: noise can hide an echo. */
  #learn(code: number): void {
    if (isConfirmedByItself(code) || this.#isEchoKnown) return
    this.#echo.isHeard = false
    this.#isEchoKnown = true
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
