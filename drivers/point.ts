import { describePoint, isBit, isWritable, type ModbusPoint, overlap } from './modbus/point.ts'
import { fits, stepOf } from './modbus/value.ts'
import {
  encodeRaw,
  formatNodeName,
  isCommandable,
  type OpcUaPoint,
  stepOfNode,
  targetsOf,
} from './opcua/point.ts'

/** A point of a device, whatever it speaks. */
export type Point = ModbusPoint | OpcUaPoint

function isNode(point: Point): point is OpcUaPoint {
  return 'protocol' in point
}

/** What kind of point it is, for messages: `coil`, `holding-register (float32)`, `node (Double)`. */
export function kindOf(point: Point): string {
  if (!isNode(point)) return describePoint(point)
  const kind = point.call ? 'method' : 'node'
  return point.dataType === undefined ? kind : `${kind} (${point.dataType})`
}

/** The same with its place: `coil 3`, `node (Double) nsu=urn:plant;s=Valve`. */
export function nameOf(point: Point): string {
  return `${kindOf(point)} ${isNode(point) ? formatNodeName(point.node) : point.address}`
}

/** Whether it can be written at all. */
export function canWrite(point: Point): boolean {
  return isNode(point) ? isCommandable(point) : isWritable(point.table)
}

/** Whether it can be read: a method cannot. */
export function canRead(point: Point): boolean {
  return !isNode(point) || point.call === undefined
}

/** Whether a value can be written to it. */
export function holds(point: Point, value: number): boolean {
  return isNode(point) ? encodeRaw(point, value) !== undefined : fits(point, value)
}

/** The distance between two values that the device can tell apart, in the engineering unit; 0 for a fraction. */
export function resolutionOf(point: Point): number {
  return isNode(point) ? stepOfNode(point) : stepOf(point)
}

/** Where the steps of a whole-number point begin. */
export function originOf(point: Point): number {
  return isNode(point) || !isBit(point) ? point.offset : 0
}

/** Whether it takes whole numbers only: it has steps, and they are not scaled. */
export function isWhole(point: Point): boolean {
  return resolutionOf(point) !== 0 && (!('scale' in point) || point.scale === 1)
}

/** Whether it takes single values only, each in a way of its own: positions, and no range. */
export function takesPositionsOnly(point: Point): boolean {
  return isNode(point) && point.call !== undefined && !('identifier' in point.call.method)
}

/** Whether two points of one device share what they hold. */
export function sharesWith(one: Point, other: Point): boolean {
  if (isNode(one) && isNode(other)) return targetsOf(one).some(target => targetsOf(other).includes(target))
  return !isNode(one) && !isNode(other) && overlap(one, other)
}
