import { fromRaw, type Scale, toRaw, toWhole } from '../scale.ts'

/** The built-in types of numbers (OPC 10000-6 §5.1.2), with what each holds. */
export const RANGES = {
  Boolean: [0, 1],
  SByte: [-128, 127],
  Byte: [0, 255],
  Int16: [-32_768, 32_767],
  UInt16: [0, 65_535],
  Int32: [-2_147_483_648, 2_147_483_647],
  UInt32: [0, 4_294_967_295],
  Int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  UInt64: [0, Number.MAX_SAFE_INTEGER],
  Float: [-3.4028234663852886e38, 3.4028234663852886e38],
  Double: [-Number.MAX_VALUE, Number.MAX_VALUE],
} as const

export type DataTypeName = keyof typeof RANGES

/** A node, by the URI of its namespace: an index means another namespace after the next restart of the server. */
export interface NodeName {
  readonly namespace: string
  /** `s=Valve.Position`, `i=1001`, `g=…` or `b=…` */
  readonly identifier: string
}

/** One point of an OPC UA server: a variable, or a method that is called with the value as its only argument. */
export interface OpcUaPoint extends Scale {
  readonly protocol: 'opcua'
  /** The variable; of a method, the object that it is called on. */
  readonly node: NodeName
  readonly method?: NodeName
  /** What is written, or handed to the method; a point without is only read. */
  readonly dataType?: DataTypeName
}

/** Reads `nsu=urn:plant;s=Valve.Position`; undefined for anything else. */
export function parseNodeName(text: string): NodeName | undefined {
  const match = /^nsu=([^;]+);([isgb]=.+)$/s.exec(text)
  return match?.[1] && match[2] ? { namespace: match[1], identifier: match[2] } : undefined
}

export function formatNodeName({ namespace, identifier }: NodeName): string {
  return `nsu=${namespace};${identifier}`
}

function isFraction(dataType: DataTypeName): boolean {
  return dataType === 'Float' || dataType === 'Double'
}

/** What to write for a value in the engineering unit; undefined when the point cannot hold it. */
export function encodeRaw(point: OpcUaPoint, value: number): number | undefined {
  if (point.dataType === undefined || !Number.isFinite(value)) return undefined
  const raw = isFraction(point.dataType) ? toRaw(point, value) : toWhole(point, value)
  const [least, most] = RANGES[point.dataType]
  if (!isFraction(point.dataType) && !Number.isSafeInteger(raw)) return undefined
  return raw >= least && raw <= most ? raw : undefined
}

export function decodeRaw(point: OpcUaPoint, raw: number): number {
  return fromRaw(point, raw)
}

/** The distance between two values that the server can tell apart; 0 for a fraction. */
export function stepOfNode(point: OpcUaPoint): number {
  return point.dataType === undefined || isFraction(point.dataType) ? 0 : Math.abs(point.scale)
}
