import { z } from 'zod'
import { type Millis, parseDuration } from '../../model/time.ts'
import type { Fault } from '../fault.ts'
import type { Element } from '../process/process.ts'

/** The plant file's form. What its parts mean is said where they act; units are in the names. */

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected a name of a-z, 0-9 and hyphens')
const signal = z
  .string()
  .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'expected <element>.<signal>, such as inlet-valve.position')
const duration = z
  .string('expected a duration such as 10ms, 3s or 15m')
  .transform((text, context): Millis => {
    const ms = parseDuration(text)
    if (ms === undefined) {
      const message = `expected a duration such as 10ms, 3s or 15m, not ${JSON.stringify(text)}`
      context.issues.push({ code: 'custom', message, input: text })
    }
    return ms ?? 0
  })
const fraction = z.number().min(0).max(1)
const amount = z.number().min(0)
const size = z.number().positive()
const cellAddress = z.int().min(0).max(0xffff)

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
  initial: z.int().min(0).max(0xffff).default(0),
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
})

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
  plc,
  elements: z.record(name, elementForm),
  faults: z.array(faultForm).default([]),
})

/** A plant file as it is written, for those who write it as an object. */
export type PlantFile = z.input<typeof plantForm>
/** A plant file that was read: defaults filled in, durations in milliseconds. */
export type PlantSpec = z.output<typeof plantForm>
