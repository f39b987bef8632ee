import { z } from 'zod'
import { type Identification, OBJECT_MAX } from '../modbus/identification.ts'
import type { SerialSettings } from '../modbus/serial-line.ts'
import { opcuaForm } from './opcua-form.ts'
import { cellAddress, duration, signal } from './quantity.ts'
import { inputRegister, outputRegister } from './register-form.ts'
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
const serialForm = z.strictObject({
  path: z.string().startsWith('/', 'expected a path such as /dev/ttyUSB0'),
  baud: z.literal([1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]).default(19200),
  parity: z.enum(['none', 'even', 'odd']).default('even'),
  stop_bits: z.literal([1, 2]).default(1),
}) satisfies z.ZodType<SerialSettings>

const text = z
  .string()
  .regex(new RegExp(`^[ -~]{1,${OBJECT_MAX}}$`), `expected 1 to ${OBJECT_MAX} characters of ASCII`)
const identificationForm = z.strictObject({
  vendor: text,
  product_code: text,
  revision: text,
  vendor_url: text.optional(),
  product_name: text.optional(),
  model: text.optional(),
  application: text.optional(),
}) satisfies z.ZodType<Identification>

const plc = {
  scan_cycle: duration,
  modbus: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(0).max(0xffff),
    unit: z.int().min(0).max(255).default(1),
    identification: identificationForm.optional(),
    rtu_over_tcp: z.strictObject({ port: z.int().min(0).max(0xffff) }).optional(),
    serial: serialForm.optional(),
    coils: z.array(outputBit).default([]),
    discrete_inputs: z.array(inputBit).default([]),
    holding_registers: z.array(outputRegister).default([]),
    input_registers: z.array(inputRegister).default([]),
  }),
  opcua: opcuaForm.optional(),
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
 * The PLCs of a plant by name. An entry with copies makes `name-1`, `name-2` and so on, on ports that follow one
 * another, or each on a free one where the port is 0.
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
      const { modbus, opcua } = one
      const at = (port: number) => (port === 0 ? 0 : port + i)
      const rtu_over_tcp = modbus.rtu_over_tcp && { port: at(modbus.rtu_over_tcp.port) }
      all.set(`${name}-${i + 1}`, {
        ...one,
        modbus: { ...modbus, port: at(modbus.port), rtu_over_tcp },
        opcua: opcua && {
          ...opcua,
          port: at(opcua.port),
          certificates: opcua.certificates && `${opcua.certificates}/${name}-${i + 1}`,
        },
      })
    }
  }
  return all
}
