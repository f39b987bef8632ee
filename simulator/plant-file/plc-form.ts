import { z } from 'zod'
import { cell, cellAddress, duration, signal } from './quantity.ts'
import { interlockForm, watchdogForm } from './safeguard.ts'

/** How a plant file declares a PLC: its address map, how it is reached, and what it does by itself. */

const outputBit = z.strictObject({
  address: cellAddress,
  signal: signal.optional(),
  initial: z.literal([0, 1]).default(0),
  fallback: z.literal([0, 1]).optional(),
  fallback_register: cellAddress.optional(),
})
const inputBit = z.strictObject({ address: cellAddress, signal })
const scaling = {
  scale: z
    .number()
    .refine(scale => scale !== 0, 'expected a scale other than 0')
    .default(1),
  offset: z.number().default(0),
  signed: z.boolean().default(false),
}
const outputRegister = z.strictObject({
  address: cellAddress,
  signal: signal.optional(),
  ...scaling,
  initial: cell.default(0),
  fallback: cell.optional(),
  fallback_register: cellAddress.optional(),
})
const inputRegister = z.strictObject({ address: cellAddress, signal, ...scaling })

const plc = {
  scan_cycle: duration,
  modbus: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(0).max(0xffff),
    unit: z.int().min(0).max(255).default(1),
    coils: z.array(outputBit).default([]),
    discrete_inputs: z.array(inputBit).default([]),
    holding_registers: z.array(outputRegister).default([]),
    input_registers: z.array(inputRegister).default([]),
  }),
  watchdog: watchdogForm.optional(),
  interlocks: z.array(interlockForm).default([]),
}

/** Most PLCs that one entry can stand for. */
export const COPIES_MAX = 1000

export const plcForm = z.strictObject(plc)
/** An entry of `plcs`, which may stand for many that are alike. */
export const plcsForm = z.strictObject({ ...plc, copies: z.int().min(1).max(COPIES_MAX).optional() })

/** One PLC that was read. */
export type PlcFileSpec = z.output<typeof plcForm>

/**
 * The PLCs of a plant by name. An entry with copies makes `name-1`, `name-2` and so on, on ports that follow one another, or each on a free
 * one where the port is 0.
 */
export function plcsOf(
  plc: PlcFileSpec | undefined,
  plcs: Readonly<Record<string, z.output<typeof plcsForm>>> | undefined,
): Map<string, PlcFileSpec> {
  if (plc) return new Map([['plc', plc]])
  const all = new Map<string, PlcFileSpec>()
  for (const [name, { copies, ...one }] of Object.entries(plcs ?? {})) {
    if (copies === undefined) {
      all.set(name, one)
      continue
    }
    for (let i = 0; i < copies; i++) {
      const port = one.modbus.port === 0 ? 0 : one.modbus.port + i
      all.set(`${name}-${i + 1}`, { ...one, modbus: { ...one.modbus, port } })
    }
  }
  return all
}
