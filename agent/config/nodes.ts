import { z } from 'zod'
import {
  type Argument,
  type Call,
  type DataTypeName,
  fitsType,
  type NodeName,
  type OpcUaPoint,
  parseNodeName,
  RANGES,
} from '../../drivers/opcua/point.ts'

const nodeName = z
  .string()
  .refine(
    text => parseNodeName(text) !== undefined,
    'expected a node by the URI of its namespace, such as nsu=urn:plant;s=Valve.Position (an index changes when the server does)',
  )

const dataType = z.enum(
  Object.keys(RANGES) as DataTypeName[],
  `expected a type of numbers: ${Object.keys(RANGES).join(', ')}`,
)

const NUMBER = /^-?\d+(\.\d+)?$/

/** What says something about a node of OPC UA and nothing about a register. */
export const nodeForms = {
  node: nodeName.optional(),
  method: nodeName.optional(),
  methods: z.record(z.string(), nodeName).optional(),
  arguments: z
    .array(
      z.union(
        [z.literal('setpoint'), z.strictObject({ data_type: dataType, value: z.number() })],
        'expected setpoint, or a value that is always the same: { data_type: UInt16, value: 3 }',
      ),
    )
    .optional(),
  result: z
    .strictObject({
      output: z.int('expected which output argument, counted from 0').min(0).default(0),
      value: z.number('expected what it says when it was done'),
    })
    .optional(),
  data_type: dataType.optional(),
}

export type NodeForm = {
  readonly [Key in keyof typeof nodeForms]?: z.output<(typeof nodeForms)[Key]>
} & { readonly scale?: number | undefined; readonly offset?: number | undefined }

/** The point that a form stands for, which has no mistake. */
export function resolveNode(point: NodeForm): OpcUaPoint {
  const call = resolveCall(point)
  return {
    protocol: 'opcua',
    node: nameIn(point.node),
    ...(call ? { call } : {}),
    ...(point.data_type === undefined ? {} : { dataType: point.data_type }),
    scale: point.scale ?? 1,
    offset: point.offset ?? 0,
  }
}

function resolveCall({ method, methods, arguments: given, result, data_type }: NodeForm): Call | undefined {
  if (method === undefined && methods === undefined) return undefined
  const usual: readonly Argument[] = data_type === undefined ? [] : ['setpoint']
  return {
    method: methods
      ? new Map(Object.entries(methods).map(([value, name]) => [Number(value), nameIn(name)]))
      : nameIn(method),
    arguments: given
      ? given.map(each => (each === 'setpoint' ? each : { dataType: each.data_type, value: each.value }))
      : usual,
    ...(result ? { result } : {}),
  }
}

function nameIn(text: string | undefined): NodeName {
  return parseNodeName(text ?? '') ?? { namespace: '', identifier: '' }
}

/** The first thing about a node that contradicts the rest of it. */
export function mistakeInNode(point: NodeForm & object): string | undefined {
  const known = new Set([...Object.keys(nodeForms), 'scale', 'offset'])
  const stray = Object.keys(point).find(key => !known.has(key))
  if (stray) return `${stray} says nothing about a node of OPC UA`
  const { method, methods, arguments: given, result, data_type } = point
  if (method === undefined && methods === undefined)
    return (given ?? result) && 'arguments and result are for a method: expected method or methods'
  if (method !== undefined && methods !== undefined) return 'expected either method or methods'
  if (methods && Object.keys(methods).length === 0) return 'expected a method for each position'
  const strange = Object.keys(methods ?? {}).find(value => !NUMBER.test(value))
  if (strange !== undefined)
    return `${strange} is no number: expected the value that a position writes, and its method`
  const handsOver = given?.includes('setpoint') ?? data_type !== undefined
  if (method !== undefined && !handsOver)
    return 'one method for every setpoint has to be told which: expected data_type (and setpoint among the arguments), or methods by value'
  if (handsOver && data_type === undefined) return 'setpoint is handed to the method: expected its data_type'
  if (!handsOver && (data_type ?? point.scale ?? point.offset) !== undefined)
    return 'the setpoint is not handed to the method: leave data_type, scale and offset out'
  const wrong = given?.find(each => each !== 'setpoint' && !fitsType(each.data_type, each.value))
  return wrong && wrong !== 'setpoint' ? `${wrong.value} does not fit a ${wrong.data_type}` : undefined
}
