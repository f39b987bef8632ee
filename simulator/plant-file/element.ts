import { z } from 'zod'
import type { Millis } from '../../model/time.ts'
import type { Element } from '../process/process.ts'
import type { SensorSpec } from '../sensor.ts'
import { amount, duration, fraction, name, size } from './quantity.ts'

/** How a plant file declares the process: its elements, and the sensors that look at them. */

const piping = { draws_from: name.optional(), fills: name.optional() }

const valve = z.strictObject({
  kind: z.literal('valve'),
  ...piping,
  stroke_time: duration,
  flow_l_s: amount,
  leakage_l_s: amount.default(0),
  initial_position: fraction.default(0),
})
const pump = z.strictObject({
  kind: z.literal('pump'),
  cools: name.optional(),
  ...piping,
  spin_up: duration,
  variable_speed: z.boolean().default(false),
  initially_running: z.boolean().default(false),
  curve: z
    .strictObject({
      shutoff_head_m: size,
      free_flow_l_s: size,
      lift_m: amount.default(0),
      friction_m: amount.default(0),
    })
    .optional(),
})
const tank = z
  .strictObject({
    kind: z.literal('tank'),
    area_m2: size,
    height_m: size,
    initial_level_m: amount,
    demand_l_s: amount.default(0),
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

export const sensorForm = z.strictObject({
  noise: amount.default(0),
  lag: duration.optional().transform((lag): Millis => lag ?? 0),
}) satisfies z.ZodType<SensorSpec>
