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

/** What a method is handed in one place: the value that is commanded, or always the same. */
export type Argument = 'setpoint' | { readonly dataType: DataTypeName; readonly value: number }

/** A method of the point's node, which is called instead of writing to it. */
export interface Call {
  /** The method for every value, or the method that stands for each: start and stop, open and close. */
  readonly method: NodeName | ReadonlyMap<number, NodeName>
  readonly arguments: readonly Argument[]
  /** The output argument that says whether it was done, counted from 0, and what it says when it was. */
  readonly result?: { readonly output: number; readonly value: number }
}

/** One point of an OPC UA server: a variable, or an object with a method. */
export interface OpcUaPoint extends Scale {
  readonly protocol: 'opcua'
  /** The variable; of a method, the object that it is called on. */
  readonly node: NodeName
  readonly call?: Call
  /** What is written, or handed to the method as the setpoint; a variable without is only read, whatever it holds. */
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

/** The method that is called for a value; undefined where there is none. */
export function methodFor({ method }: Call, value: number): NodeName | undefined {
  return 'identifier' in method ? method : method.get(value)
}

/** What a point acts on: of a variable its name, of methods the object and each method. Two points with one in common share it. */
export function targetsOf({ node, call }: OpcUaPoint): string[] {
  const object = formatNodeName(node)
  if (!call) return [object]
  const methods = 'identifier' in call.method ? [call.method] : [...call.method.values()]
  return methods.map(method => `${object} ${formatNodeName(method)}`)
}

/** Whether anything can be written to it, or called with it. */
export function isCommandable({ call, dataType }: OpcUaPoint): boolean {
  return dataType !== undefined || (call !== undefined && !('identifier' in call.method))
}

function isFraction(dataType: DataTypeName): boolean {
  return dataType === 'Float' || dataType === 'Double'
}

/** What to write for a value in the engineering unit; undefined when the point cannot hold it. */
export function encodeRaw(point: OpcUaPoint, value: number): number | undefined {
  const { dataType, call } = point
  if (call && !methodFor(call, value)) return undefined
  if (dataType === undefined) return call ? value : undefined
  if (!Number.isFinite(value)) return undefined
  const raw = isFraction(dataType) ? toRaw(point, value) : toWhole(point, value)
  return fitsType(dataType, raw) ? raw : undefined
}

/** Whether a type holds a number. */
export function fitsType(dataType: DataTypeName, raw: number): boolean {
  const [least, most] = RANGES[dataType]
  if (!isFraction(dataType) && !Number.isSafeInteger(raw)) return false
  return raw >= least && raw <= most
}

export function decodeRaw(point: OpcUaPoint, raw: number): number {
  return fromRaw(point, raw)
}

/** The distance between two values that the server can tell apart; 0 for a fraction. */
export function stepOfNode(point: OpcUaPoint): number {
  return point.dataType === undefined || isFraction(point.dataType) ? 0 : Math.abs(point.scale)
}
