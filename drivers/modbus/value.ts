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
    return { value: scaled(point, Number(raw)) }
  }
  if (!Number.isFinite(raw)) return { unclear: `the device holds ${raw}, which is no value` }
  return { value: scaled(point, raw) }
}

/**
 * The bytes to write for a value in the engineering unit; undefined when the point cannot hold it. An unscaled whole-number
 * point takes whole numbers and nothing else. A scaled one takes the nearest step that the device has, and what lies in the
 * middle goes away from zero. A masked point gives its field's bits in their place, and zeros around them.
 */
export function encodeNumber(point: NumberPoint, value: number): Buffer | undefined {
  if (!Number.isFinite(value)) return undefined
  const exact = (value - point.offset) / point.scale
  if (point.type === 'float32' || point.type === 'float64') {
    const bytes = Buffer.alloc(2 * REGISTERS[point.type])
    if (point.type === 'float64') bytes.writeDoubleBE(exact)
    else bytes.writeFloatBE(exact)
    return Number.isFinite(Number(rawOf(point, bytes))) ? arrange(point, bytes) : undefined
  }
  const whole = point.scale === 1 ? exact : nearest(exact)
  if (!Number.isSafeInteger(whole)) return undefined
  const { least, most } = limitsOf(point)
  if (BigInt(whole) < least || BigInt(whole) > most) return undefined
  const inPlace = point.mask === undefined ? whole : whole << shiftOf(point.mask)
  return arrange(point, wholeBytes(point.type, BigInt(inPlace)))
}

/** Whether a value can be written to a point: 0 or 1 for a bit, else what `encodeNumber` takes. */
export function fits(point: ModbusPoint, value: number): boolean {
  return isBit(point) ? value === 0 || value === 1 : encodeNumber(point, value) !== undefined
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

/** What big-ended bytes hold: a bigint where the type is a whole number. */
function rawOf(point: NumberPoint, bytes: Buffer): number | bigint {
  switch (point.type) {
    case 'int16':
      return BigInt(bytes.readInt16BE())
    case 'uint16': {
      const word = bytes.readUInt16BE()
      return BigInt(point.mask === undefined ? word : (word & point.mask) >>> shiftOf(point.mask))
    }
    case 'int32':
      return BigInt(bytes.readInt32BE())
    case 'uint32':
      return BigInt(bytes.readUInt32BE())
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

function wholeBytes(type: NumberType, whole: bigint): Buffer {
  // Two's complement: the low bits of a negative number are those of the unsigned one that has the same bits.
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, whole))
  return bytes.subarray(8 - 2 * REGISTERS[type])
}

/** The bytes in the order of Modbus, big ends first, from those of the device; and the other way round. */
function arrange({ byteOrder, wordOrder }: NumberPoint, bytes: Buffer): Buffer {
  const arranged = Buffer.from(bytes)
  if (byteOrder === 'little') arranged.swap16()
  if (wordOrder === 'little') {
    arranged.reverse()
    arranged.swap16()
  }
  return arranged
}

/**
 * Scaling goes over binary fractions, which have no 0.1: 3 × 0.1 would come out as 0.30000000000000004. Fifteen digits are
 * what such a number knows; to them it is rounded.
 */
function scaled({ scale, offset }: NumberPoint, raw: number): number {
  return scale === 1 && offset === 0 ? raw : Number((raw * scale + offset).toPrecision(15))
}

/** The shortest decimal number that these 32 bits stand for: 0.1, and not 0.10000000149011612. */
function shortest(single: number): number {
  for (let digits = 6; digits < 9; digits += 1) {
    const candidate = Number(single.toPrecision(digits))
    if (Math.fround(candidate) === single) return candidate
  }
  return Number(single.toPrecision(9))
}

function nearest(exact: number): number {
  // The same fifteen digits: 0.15 / 0.1 is 1.4999999999999998 to a machine, and a half to everybody else.
  const digits = Number(exact.toPrecision(15))
  return Math.sign(digits) * Math.round(Math.abs(digits))
}

function limitsOf({ type, mask }: NumberPoint): { least: bigint; most: bigint } {
  if (mask !== undefined) return { least: 0n, most: BigInt(mask >>> shiftOf(mask)) }
  const bits = BigInt(16 * REGISTERS[type])
  return type.startsWith('u')
    ? { least: 0n, most: 2n ** bits - 1n }
    : { least: -(2n ** (bits - 1n)), most: 2n ** (bits - 1n) - 1n }
}

function shiftOf(mask: number): number {
  return 31 - Math.clz32(mask & -mask)
}
