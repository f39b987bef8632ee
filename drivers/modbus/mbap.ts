import { type Arrival, type Framing, NOISE_MAX } from './framing.ts'

const HEADER = 7
/** A unit identifier and a PDU of 2 to 253 bytes. */
const LENGTH_MIN = 3
const LENGTH_MAX = 254

/** The framing of Modbus TCP: a header with a transaction number (MODBUS Messaging on TCP/IP V1.0b §3.1.3). */
export class Mbap implements Framing {
  readonly inFlightMax = 128
  readonly namesRequests = true
  readonly turnaround = 0
  #rest: Buffer = Buffer.alloc(0)
  /** How much has come since the last request. */
  #heard = 0

  frame(number: number, unit: number, pdu: Buffer): Buffer {
    this.#heard = 0
    const frame = Buffer.allocUnsafe(HEADER + pdu.length)
    frame.writeUInt16BE(number, 0)
    frame.writeUInt16BE(0, 2)
    frame.writeUInt16BE(pdu.length + 1, 4)
    frame.writeUInt8(unit, 6)
    pdu.copy(frame, HEADER)
    return frame
  }

  *accept(bytes: Buffer): Iterable<Arrival> {
    this.#heard += bytes.length
    if (this.#heard > NOISE_MAX) {
      yield { kind: 'nonsense', reason: `more than ${NOISE_MAX} bytes that nobody asked for` }
      return
    }
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (this.#rest.length >= HEADER) {
      const protocol = this.#rest.readUInt16BE(2)
      const length = this.#rest.readUInt16BE(4)
      if (protocol !== 0 || length < LENGTH_MIN || length > LENGTH_MAX) {
        yield { kind: 'nonsense', reason: `a header with protocol ${protocol} and length ${length}` }
        return
      }
      const end = HEADER - 1 + length
      if (this.#rest.length < end) return
      const frame = this.#rest.subarray(0, end)
      this.#rest = this.#rest.subarray(end)
      yield {
        kind: 'answer',
        number: frame.readUInt16BE(0),
        unit: frame.readUInt8(6),
        pdu: frame.subarray(HEADER),
      }
    }
  }
}
