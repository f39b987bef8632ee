import { z } from 'zod'
import type { Fault } from '../fault.ts'
import { amount, cell, cellAddress, name, signal, size } from './quantity.ts'

/** How a fault is written, in a plant file, a scenario, on the command line and to the control port. */

const on = z.enum(['reads', 'writes']).optional()
const plc = name.optional()
const writable = z.enum(['coil', 'holding-register'])

export const faultForm = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('stuck'), element: name }),
  z.strictObject({ kind: z.literal('reversed'), element: name }),
  z.strictObject({ kind: z.literal('slow'), element: name, factor: size }),
  z.strictObject({ kind: z.literal('feedback-frozen'), signal }),
  z.strictObject({ kind: z.literal('feedback-lies'), signal, value: z.number() }),
  z.strictObject({ kind: z.literal('drift'), signal, per_second: z.number() }),
  z.strictObject({
    kind: z.literal('sensor-failed'),
    signal,
    quality: z.enum(['bad', 'uncertain']).optional(),
  }),
  z.strictObject({
    kind: z.literal('write-ignored'),
    table: writable.optional(),
    address: cellAddress.optional(),
    plc,
  }),
  z.strictObject({ kind: z.literal('latency'), ms: amount, jitter_ms: amount.optional(), on, plc }),
  z.strictObject({ kind: z.literal('exception'), code: z.int().min(1).max(255), on, plc }),
  z.strictObject({ kind: z.literal('silent'), effect: z.enum(['done', 'lost']).optional(), on, plc }),
  z.strictObject({ kind: z.literal('half-open'), plc }),
  z.strictObject({ kind: z.literal('dropped-link'), plc }),
  z.strictObject({ kind: z.literal('session-closed'), plc }),
  z.strictObject({
    kind: z.literal('wrong-certificate'),
    shows: z.enum(['expired', 'not-yet-valid', 'replaced']),
    plc,
  }),
  z.strictObject({
    kind: z.literal('second-master'),
    table: writable,
    address: cellAddress,
    value: cell,
    every_ms: size,
    plc,
  }),
]) satisfies z.ZodType<Fault>

/** The key `faults` of a plant file and of a fault file. With every line of it commented out it is an empty list. */
export const faultsForm = z
  .array(faultForm)
  .nullish()
  .transform((faults): readonly Fault[] => faults ?? [])
