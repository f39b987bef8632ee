import { z } from 'zod'
import type { InterlockSpec } from '../plc/interlock.ts'
import type { WatchdogSpec } from '../plc/watchdog.ts'
import { cell, cellAddress, duration, signal } from './quantity.ts'

/** How a plant file declares what a PLC does by itself: its watchdog and its interlocks. */

const registerWatchdog = z.strictObject({
  kind: z.literal('register'),
  register: cellAddress,
  feed: z.enum(['write', 'change', 'toggle']).default('change'),
  time: duration,
  time_register: cellAddress.optional(),
  status_register: cellAddress.optional(),
  armed: z.enum(['start', 'feed']).default('feed'),
  rearm: z.strictObject({ register: cellAddress, value: cell }).optional(),
})
const beckhoffWatchdog = z.strictObject({
  kind: z.literal('beckhoff'),
  time: duration.default(1000),
  type: z.enum(['telegram', 'write-telegram']).default('telegram'),
})
const wagoWatchdog = z.strictObject({ kind: z.literal('wago'), time: duration.default(10_000) })

export const watchdogForm = z.discriminatedUnion('kind', [
  registerWatchdog,
  beckhoffWatchdog,
  wagoWatchdog,
]) satisfies z.ZodType<WatchdogSpec>

export const interlockForm = z
  .strictObject({
    signal,
    above: z.number().optional(),
    below: z.number().optional(),
    clears_at: z.number().optional(),
    force: signal,
    to: z.number(),
    discrete_input: cellAddress.optional(),
  })
  .refine(({ above, below }) => (above === undefined) !== (below === undefined), {
    error: 'expected either above or below',
    path: ['signal'],
  }) satisfies z.ZodType<InterlockSpec>
