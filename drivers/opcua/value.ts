import type { DataValue, Variant } from 'node-opcua-client'
import { type DataTypeName, decodeRaw, type OpcUaPoint } from './point.ts'
import { isGood, isUncertain } from './status.ts'

const SCALAR = 0

/** The built-in types by their numbers (OPC 10000-6 §5.1.2): the library need not be loaded for them. */
const TYPES = {
  Boolean: 1,
  SByte: 2,
  Byte: 3,
  Int16: 4,
  UInt16: 5,
  Int32: 6,
  UInt32: 7,
  Int64: 8,
  UInt64: 9,
  Float: 10,
  Double: 11,
} as const satisfies Record<DataTypeName, number>

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(TYPES).map(([name, type]) => [type, name]))

/** A number as the library sends it. 64-bit numbers are two of 32 to it. */
export function variantOf(dataType: DataTypeName, raw: number) {
  return { dataType: TYPES[dataType], arrayType: SCALAR, value: jsValueOf(dataType, raw) }
}

function jsValueOf(dataType: DataTypeName, raw: number): number | boolean | [number, number] {
  if (dataType === 'Boolean') return raw === 1
  if (dataType !== 'Int64' && dataType !== 'UInt64') return raw
  const bits = BigInt.asUintN(64, BigInt(raw))
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)]
}

/**
 * The value of a point in what a server gave; or, as text, why it is none. Only what is plainly Good is a value: nobody acts on what
 * the server itself is not certain of (OPC 10000-4 §7.39.1), and the text tells a person what it showed.
 */
export function valueIn(point: OpcUaPoint, given: DataValue): number | string {
  const { statusCode } = given
  if (isGood(statusCode)) return shownIn(point, given)
  const shown = isUncertain(statusCode) ? shownIn(point, given) : undefined
  return `the server says ${statusCode.name}${typeof shown === 'number' ? `, and shows ${shown}` : ''}`
}

/** What a server shows, whatever it says about it. */
function shownIn(point: OpcUaPoint, { value }: DataValue): number | string {
  const wished = point.dataType
  if (wished !== undefined && value.dataType !== TYPES[wished])
    return `the server holds ${nameOf(value)} there, and the configuration says ${wished}`
  const raw = numberIn(value)
  return typeof raw === 'string' ? raw : decodeRaw(point, raw)
}

function nameOf({ dataType }: Variant): string {
  return NAMES.get(dataType) ?? 'no number'
}

/** The number in a variant; or, as text, why it is none that can be told. */
export function numberIn(variant: Variant): number | string {
  const { dataType, arrayType, value } = variant
  if (arrayType !== SCALAR) return 'the server holds several values there, and not one'
  if (typeof value === 'boolean') return Number(value)
  if ((dataType === TYPES.Int64 || dataType === TYPES.UInt64) && Array.isArray(value) && value.length === 2) {
    const bits = (BigInt(value[0] >>> 0) << 32n) | BigInt(value[1] >>> 0)
    const whole = dataType === TYPES.Int64 ? BigInt.asIntN(64, bits) : bits
    if (whole > Number.MAX_SAFE_INTEGER || whole < Number.MIN_SAFE_INTEGER)
      return `the server holds ${whole}, which is beyond 2^53: it cannot be told exactly`
    return Number(whole)
  }
  if (typeof value !== 'number' || !NAMES.has(dataType)) return 'the server holds something that is no number'
  return Number.isFinite(value) ? value : `the server holds ${value}, which is no value`
}
