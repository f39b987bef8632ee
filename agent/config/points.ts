import { z } from 'zod'
import type { ModbusPoint, ModbusTable } from '../../drivers/modbus/point.ts'

export const pointForm = z
  .strictObject(
    {
      coil: z.int().min(0).max(65535).optional(),
      discrete_input: z.int().min(0).max(65535).optional(),
      holding_register: z.int().min(0).max(65535).optional(),
      input_register: z.int().min(0).max(65535).optional(),
    },
    'expected a point such as { coil: 0 } or { input_register: 3 }',
  )
  .refine(
    tables => Object.keys(tables).length === 1,
    'expected exactly one of coil, discrete_input, holding_register, input_register',
  )

export type PointFile = z.output<typeof pointForm>

/** The point that a form stands for. */
export function resolvePoint(point: PointFile): ModbusPoint {
  const [[table, address] = []] = Object.entries(point)
  return { table: (table ?? 'coil').replace('_', '-') as ModbusTable, address: address ?? 0 }
}
