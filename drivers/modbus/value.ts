import { fromRaw, toRaw, toWhole } from '../scale.ts'
import { isBit, type ModbusPoint, type NumberPoint, type NumberType, REGISTERS } from './point.ts'

/** What the bytes of a point stand for, or why they stand for no number that can be told. */
export type Decoded = { readonly value: number } | { readonly unclear: string }

/**
 * Reads a point's value out of the bytes of its registers, as they came. A whole number beyond 2^53 is unclear, because it
 * could only be told rounded, and so is a float that is no number.
 */
export function decodeNumber(point: NumberPoint, bytes: Buffer): Decoded {
  const raw = rawOf(point, arrange(point, bytes))
  if (typeof raw === 'bigint') {
    if (raw > Number.MAX_SAFE_INTEGER || raw < Number.MIN_SAFE_INTEGER)
      return { unclear: `the device holds ${raw}, which is beyond 2^53: it cannot be told exactly` }
    return { value: fromRaw(point, Number(raw)) }
  }
  if (!Number.isFinite(raw)) return { unclear: `the device holds ${raw}, which is no value` }
  return { value: fromRaw(point, raw) }
}

/**
 * The bytes to write for a value in the engineering unit; undefined when the point cannot hold it. An unscaled whole-number
 * point takes whole numbers and nothing else. A scaled one takes the nearest step that the device has, and what lies in the
 * middle goes away from zero. A masked point gives its field's bits in their place, and zeros around them.
 */
export function encodeNumber(point: NumberPoint, value: number): Buffer | undefined {
  if (!Number.isFinite(value)) return undefined
  if (point.type === 'float32' || point.type === 'float64') {
    const bytes = Buffer.alloc(2 * REGISTERS[point.type])
    if (point.type === 'float64') bytes.writeDoubleBE(toRaw(point, value))
    else bytes.writeFloatBE(toRaw(point, value))
    return Number.isFinite(Number(rawOf(point, bytes))) ? arrange(point, bytes) : undefined
  }
  const whole = toWhole(point, value)
  if (!Number.isSafeInteger(whole)) return undefined
  const { least, most } = limitsOf(point)
  if (whole < least || whole > most) return undefined
  const inPlace = point.mask === undefined ? whole : whole << shiftOf(point.mask)
  return arrange(point, wholeBytes(point.type, inPlace))
}

/** The same for any point: one byte of 0 or 1 for a bit. */
export function encode(point: ModbusPoint, value: number): Buffer | undefined {
  if (!isBit(point)) return encodeNumber(point, value)
  return value === 0 || value === 1 ? Buffer.of(value) : undefined
}

/** Whether a value can be written to a point. */
export function fits(point: ModbusPoint, value: number): boolean {
  return encode(point, value) !== undefined
}

/** The distance between two values that the device can tell apart, in the engineering unit; 0 for a float. */
export function stepOf(point: ModbusPoint): number {
  if (isBit(point)) return 1
  return point.type === 'float32' || point.type === 'float64' ? 0 : Math.abs(point.scale)
}

/** The bits of a masked point in its register, in the order in which the register holds them on the wire. */
export function maskOnWire(point: NumberPoint): number {
  const mask = point.mask ?? 0xffff
  return point.byteOrder === 'little' ? ((mask & 0xff) << 8) | (mask >> 8) : mask
}

/** What big-ended bytes hold: a bigint where a number might not hold it. */
function rawOf(point: NumberPoint, bytes: Buffer): number | bigint {
  switch (point.type) {
    case 'int16':
      return bytes.readInt16BE()
    case 'uint16': {
      const word = bytes.readUInt16BE()
      return point.mask === undefined ? word : (word & point.mask) >>> shiftOf(point.mask)
    }
    case 'int32':
      return bytes.readInt32BE()
    case 'uint32':
      return bytes.readUInt32BE()
    case 'int64':
      return bytes.readBigInt64BE()
    case 'uint64':
      return bytes.readBigUInt64BE()
    case 'float32':
      return shortest(bytes.readFloatBE())
    case 'float64':
      return bytes.readDoubleBE()
  }
}

function wholeBytes(type: NumberType, whole: number): Buffer {
  const bytes = Buffer.alloc(2 * REGISTERS[type])
  // Two's complement: the low bits of a negative number are those of the unsigned one that has the same bits.
  if (bytes.length === 2) bytes.writeUInt16BE(whole & 0xffff)
  else if (bytes.length === 4) bytes.writeUInt32BE(whole >>> 0)
  else bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(whole)))
  return bytes
}

/** The bytes in the order of Modbus, big ends first, from those of the device; and the other way round. */
function arrange({ byteOrder, wordOrder }: NumberPoint, bytes: Buffer): Buffer {
  if (byteOrder === 'big' && (wordOrder === 'big' || bytes.length === 2)) return bytes
  const arranged = Buffer.from(bytes)
  if (byteOrder === 'little') arranged.swap16()
  if (wordOrder === 'little') {
    arranged.reverse()
    arranged.swap16()
  }
  return arranged
}

/** The shortest decimal number that these 32 bits stand for: 0.1, and not 0.10000000149011612. */
function shortest(single: number): number {
  for (let digits = 6; digits < 9; digits += 1) {
    const candidate = Number(single.toPrecision(digits))
    if (Math.fround(candidate) === single) return candidate
  }
  return Number(single.toPrecision(9))
}

/** A safe integer is within those of 64 bits by far, so that these need not be exact there. */
function limitsOf({ type, mask }: NumberPoint): { least: number; most: number } {
  if (mask !== undefined) return { least: 0, most: mask >>> shiftOf(mask) }
  const bits = 16 * REGISTERS[type]
  return type.startsWith('u')
    ? { least: 0, most: 2 ** bits - 1 }
    : { least: -(2 ** (bits - 1)), most: 2 ** (bits - 1) - 1 }
}

function shiftOf(mask: number): number {
  return 31 - Math.clz32(mask & -mask)
}
