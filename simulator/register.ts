/** The kinds of number that registers hold, by how many registers each takes. */
export const WIDTHS = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
} as const

export type RegisterType = keyof typeof WIDTHS
export type Order = 'big' | 'little'

/** How a number stands in 16-bit registers, of which Modbus says no more than that each goes high byte first. */
export interface RegisterFormat {
  readonly type: RegisterType
  /** little: the two bytes of each register are swapped. */
  readonly byteOrder: Order
  /** little: the register with the lowest address has the least significant word. */
  readonly wordOrder: Order
}

const FLOAT32_MOST = 3.402_823_466_385_288_6e38

/** The least and the most that a number of this type can be; of 64-bit ones the nearest that a double can tell. */
export function endsOf(type: RegisterType): { readonly least: number; readonly most: number } {
  if (type === 'float32') return { least: -FLOAT32_MOST, most: FLOAT32_MOST }
  if (type === 'float64') return { least: -Number.MAX_VALUE, most: Number.MAX_VALUE }
  const bits = 16 * WIDTHS[type]
  return type.startsWith('u')
    ? { least: 0, most: 2 ** bits - 1 }
    : { least: -(2 ** (bits - 1)), most: 2 ** (bits - 1) - 1 }
}

export function isWhole(type: RegisterType): boolean {
  return type !== 'float32' && type !== 'float64'
}

/** Where numbers are taken apart: big end first, whatever their registers' order is. */
const scratch = new DataView(new ArrayBuffer(8))

/**
 * The registers that hold a number, the one with the lowest address first. A whole-number type rounds; every type
 * saturates at its ends, as an analogue input card does.
 */
export function toRegisters({ type, byteOrder, wordOrder }: RegisterFormat, number: number): number[] {
  const { least, most } = endsOf(type)
  put(type, Math.min(Math.max(number, least), most))
  const registers: number[] = []
  for (let i = 0; i < WIDTHS[type]; i++) registers.push(scratch.getUint16(2 * i, byteOrder === 'little'))
  return wordOrder === 'little' ? registers.reverse() : registers
}

/** The number that registers hold: of a float it may be none, and of 64 bits beyond 2^53 the nearest double. */
export function fromRegisters(
  { type, byteOrder, wordOrder }: RegisterFormat,
  registers: readonly number[],
): number {
  const last = WIDTHS[type] - 1
  for (const [i, register] of registers.entries()) {
    scratch.setUint16(2 * (wordOrder === 'little' ? last - i : i), register, byteOrder === 'little')
  }
  return take(type)
}

function put(type: RegisterType, number: number): void {
  switch (type) {
    case 'int16':
      return scratch.setInt16(0, Math.round(number))
    case 'uint16':
      return scratch.setUint16(0, Math.round(number))
    case 'int32':
      return scratch.setInt32(0, Math.round(number))
    case 'uint32':
      return scratch.setUint32(0, Math.round(number))
    // The most that these hold lies between two doubles, and the upper one is beyond it.
    case 'int64':
      return scratch.setBigInt64(0, number >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(Math.round(number)))
    case 'uint64':
      return scratch.setBigUint64(0, number >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(Math.round(number)))
    case 'float32':
      return scratch.setFloat32(0, number)
    case 'float64':
      return scratch.setFloat64(0, number)
  }
}

function take(type: RegisterType): number {
  switch (type) {
    case 'int16':
      return scratch.getInt16(0)
    case 'uint16':
      return scratch.getUint16(0)
    case 'int32':
      return scratch.getInt32(0)
    case 'uint32':
      return scratch.getUint32(0)
    case 'int64':
      return Number(scratch.getBigInt64(0))
    case 'uint64':
      return Number(scratch.getBigUint64(0))
    case 'float32':
      return scratch.getFloat32(0)
    case 'float64':
      return scratch.getFloat64(0)
  }
}
