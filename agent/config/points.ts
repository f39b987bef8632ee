import { z } from 'zod'
import {
  isBitTable,
  isWritable,
  type ModbusPoint,
  type ModbusTable,
  REGISTERS,
} from '../../drivers/modbus/point.ts'
import type { Point } from '../../drivers/point.ts'
import { timeout } from './forms.ts'
import { mistakeInNode, type NodeForm, nodeForms, resolveNode } from './nodes.ts'

const TABLES = ['coil', 'discrete_input', 'holding_register', 'input_register'] as const

const address = z.int('expected an address from 0 to 65535').min(0).max(65535).optional()
const order = z.enum(['big', 'little'], 'expected big or little').optional()
const finite = z.number('expected a number').optional()

export const pointForm = z
  .strictObject(
    {
      coil: address,
      discrete_input: address,
      holding_register: address,
      input_register: address,
      ...nodeForms,
      type: z
        .enum(
          ['int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64'],
          'expected int16, uint16, int32, uint32, int64, uint64, float32 or float64',
        )
        .optional(),
      byte_order: order,
      word_order: order,
      scale: finite.refine(scale => scale !== 0, 'expected another scale than 0'),
      offset: finite,
      bit: z.int('expected a bit from 0 to 15').min(0).max(15).optional(),
      mask: z.int('expected the bits of the field, such as 0x00f0').min(1).max(0xffff).optional(),
      write_function: z
        .literal([5, 6, 15, 16, 22], 'expected a function code that writes: 5, 6, 15, 16 or 22')
        .optional(),
      pulse: timeout.optional(),
    },
    'expected a point such as { coil: 0 } or { input_register: 3 }',
  )
  .superRefine((point, context) => {
    const mistake = mistakeIn(point)
    if (mistake !== undefined) context.addIssue(mistake)
  })

type PointForm = {
  readonly [Key in (typeof TABLES)[number]]?: number | undefined
} & {
  readonly type?: keyof typeof REGISTERS | undefined
  readonly byte_order?: 'big' | 'little' | undefined
  readonly word_order?: 'big' | 'little' | undefined
  readonly scale?: number | undefined
  readonly offset?: number | undefined
  readonly bit?: number | undefined
  readonly mask?: number | undefined
  readonly write_function?: 5 | 6 | 15 | 16 | 22 | undefined
  readonly pulse?: number | undefined
} & NodeForm

export type PointFile = z.output<typeof pointForm>

/** The point that a form stands for. */
export function resolvePoint(point: PointFile): Point {
  return point.node === undefined ? resolveRegister(point) : resolveNode(point)
}

function resolveRegister(point: PointFile): ModbusPoint {
  const { table, address } = placeOf(point)
  const pulse = point.pulse === undefined ? {} : { pulse: point.pulse }
  const { write_function: code } = point
  if (isBitTable(table)) return { table, address, writeFunction: code === 15 ? 15 : 5, ...pulse }
  const type = point.type ?? 'uint16'
  const mask = maskOf(point)
  return {
    table,
    address,
    type,
    byteOrder: point.byte_order ?? 'big',
    wordOrder: point.word_order ?? 'big',
    scale: point.scale ?? 1,
    offset: point.offset ?? 0,
    ...(mask === undefined ? {} : { mask }),
    writeFunction: code === 6 || code === 16 || code === 22 ? code : REGISTERS[type] === 1 ? 6 : 16,
    ...pulse,
  }
}

/** What a point that is to be written does not say yet; undefined when it says all. */
export function missingForWrite(point: PointFile): string | undefined {
  if (maskOf(point) === undefined || point.write_function !== undefined) return undefined
  return (
    'the other bits of this register are not ours, so you must choose how it is written. write_function: 22 (mask write): ' +
    'the device changes these bits alone; choose it where the device has it. write_function: 6 (or 16): the register is ' +
    'read, changed and written; what another master or the device itself changes in it meanwhile is lost'
  )
}

function placeOf(point: PointForm): { table: ModbusTable; address: number } {
  const key = TABLES.find(table => point[table] !== undefined) ?? 'coil'
  return { table: key.replace('_', '-') as ModbusTable, address: point[key] ?? 0 }
}

function maskOf({ bit, mask }: PointForm): number | undefined {
  return bit === undefined ? mask : 1 << bit
}

/** The first thing about a point that contradicts the rest of it. */
function mistakeIn(point: PointForm): string | undefined {
  const tables = TABLES.filter(table => point[table] !== undefined).length
  if (point.node !== undefined && tables === 0) return mistakeInNode(point)
  if (tables !== 1 || point.node !== undefined)
    return 'expected exactly one of coil, discrete_input, holding_register, input_register, or a node'
  const stray = Object.keys(nodeForms).find(key => point[key as keyof NodeForm] !== undefined)
  if (stray) return `${stray} is for a node of OPC UA`
  const { table, address } = placeOf(point)
  const said = (['type', 'byte_order', 'word_order', 'scale', 'offset', 'bit', 'mask'] as const).find(
    key => point[key] !== undefined,
  )
  if (isBitTable(table) && said) return `a ${table} is a single bit: ${said} says nothing about it`
  if (!isWritable(table) && (point.write_function !== undefined || point.pulse !== undefined))
    return `a ${table} cannot be written: leave write_function and pulse out`
  const registers = REGISTERS[point.type ?? 'uint16']
  if (registers > 1 && address + registers > 0x1_0000)
    return `a ${point.type} at ${address} would go on beyond address 65535`
  return mistakeInNumber(point, registers) ?? mistakeInWrite(point, table, registers)
}

function mistakeInNumber(point: PointForm, registers: number): string | undefined {
  if (registers > 1 && point.word_order === undefined)
    return `a ${point.type} is ${registers} registers, and devices disagree on their order: expected word_order: big (the most significant register first) or little`
  if (registers === 1 && point.word_order !== undefined)
    return 'this is one register: word_order says nothing about it'
  const mask = maskOf(point)
  if (mask === undefined) return undefined
  if (point.bit !== undefined && point.mask !== undefined) return 'expected either bit or mask'
  if (point.type !== undefined && point.type !== 'uint16')
    return `the bits of a field are a number without sign: type ${point.type} does not go with it`
  const field = mask >>> (31 - Math.clz32(mask & -mask))
  return (field & (field + 1)) === 0 ? undefined : 'expected the bits of a mask to lie side by side'
}

function mistakeInWrite(point: PointForm, table: ModbusTable, registers: number): string | undefined {
  const { write_function: code } = point
  if (code === undefined) return undefined
  const isCoilCode = code === 5 || code === 15
  if (table === 'coil') return isCoilCode ? undefined : 'expected write_function 5 or 15 for a coil'
  if (isCoilCode) return 'expected write_function 6, 16 or 22 for a holding_register'
  if (code === 6 && registers > 1)
    return `a ${point.type} is ${registers} registers: expected write_function 16`
  if (code === 22 && maskOf(point) === undefined)
    return 'write_function 22 writes bits of a register: expected bit or mask'
  return undefined
}
