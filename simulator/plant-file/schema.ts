import { z } from 'zod'
import type { Millis } from '../../model/time.ts'
import type { Fault } from '../fault.ts'
import type { Element } from '../process/process.ts'
import type { SensorSpec } from '../sensor.ts'
import { amount, cell, cellAddress, duration, fraction, name, signal, size } from './quantity.ts'
import { interlockForm, watchdogForm } from './safeguard.ts'

/** The plant file's form. What its parts mean is said where they act; units are in the names. */

const valve = z.strictObject({
  kind: z.literal('valve'),
  fills: name,
  stroke_time: duration,
  flow_l_s: amount,
  leakage_l_s: amount.default(0),
  initial_position: fraction.default(0),
})
const pump = z.strictObject({
  kind: z.literal('pump'),
  cools: name,
  spin_up: duration,
  initially_running: z.boolean().default(false),
})
const tank = z
  .strictObject({
    kind: z.literal('tank'),
    area_m2: size,
    height_m: size,
    initial_level_m: amount,
    demand_l_s: amount,
    overflow_level_m: amount.optional(),
  })
  .transform(({ overflow_level_m, ...rest }) => ({
    ...rest,
    overflow_level_m: overflow_level_m ?? rest.height_m,
  }))
const coolingLoop = z.strictObject({
  kind: z.literal('cooling-loop'),
  thermal_mass_kj_per_k: size,
  heat_load_kw: amount,
  ambient_c: z.number(),
  cooling_kw_per_k: amount,
  loss_kw_per_k: amount.default(0),
  initial_temperature_c: z.number(),
})
export const elementForm = z.discriminatedUnion('kind', [
  valve,
  pump,
  tank,
  coolingLoop,
]) satisfies z.ZodType<Element>

export const kindForm = z.enum(['valve', 'pump', 'tank', 'cooling-loop']) satisfies z.ZodType<Element['kind']>

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

const plc = z.strictObject({
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
})

const sensorForm = z.strictObject({
  noise: amount.default(0),
  lag: duration.optional().transform((lag): Millis => lag ?? 0),
}) satisfies z.ZodType<SensorSpec>

const on = z.enum(['reads', 'writes']).optional()
export const faultForm = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('stuck'), element: name }),
  z.strictObject({ kind: z.literal('reversed'), element: name }),
  z.strictObject({ kind: z.literal('slow'), element: name, factor: size }),
  z.strictObject({ kind: z.literal('feedback-frozen'), signal }),
  z.strictObject({ kind: z.literal('feedback-lies'), signal, value: z.number() }),
  z.strictObject({
    kind: z.literal('write-ignored'),
    table: z.enum(['coil', 'holding-register']).optional(),
    address: cellAddress.optional(),
  }),
  z.strictObject({ kind: z.literal('latency'), ms: amount, on }),
  z.strictObject({ kind: z.literal('exception'), code: z.int().min(1).max(255), on }),
  z.strictObject({ kind: z.literal('silent'), effect: z.enum(['done', 'lost']).optional(), on }),
  z.strictObject({ kind: z.literal('dropped-link') }),
]) satisfies z.ZodType<Fault>

export const plantForm = z.strictObject({
  plant: name,
  seed: z.int().min(0).max(0xffff_ffff).default(1),
  plc,
  elements: z.record(name, elementForm),
  sensors: z.record(signal, sensorForm).default({}),
  faults: z.array(faultForm).default([]),
})

/** A plant file as it is written, for those who write it as an object. */
export type PlantFile = z.input<typeof plantForm>
/** A plant file that was read: defaults filled in, durations in milliseconds. */
export type PlantSpec = z.output<typeof plantForm>
