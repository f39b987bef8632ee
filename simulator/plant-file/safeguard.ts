import { z } from 'zod'
import type { Millis } from '../../model/time.ts'
import type { InterlockSpec } from '../plc/interlock.ts'
import type { WatchdogSpec } from '../plc/watchdog.ts'
import { cell, cellAddress, duration, signal } from './quantity.ts'

/** How a plant file declares what a PLC does by itself: its watchdog and its interlocks. */

/** What a register can hold, in its steps: the watchdog's time has to fit. */
function fits(time: Millis, step: Millis): boolean {
  return time % step === 0 && time / step <= 0xffff
}

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
  time: duration.default(1000).refine(time => fits(time, 1), 'expected at most 65535ms'),
  type: z.enum(['telegram', 'write-telegram']).default('telegram'),
})
const wagoWatchdog = z.strictObject({
  kind: z.literal('wago'),
  time: duration
    .default(10_000)
    .refine(time => fits(time, 100), 'expected whole tenths of a second, at most 6553500ms'),
})

export const watchdogForm = z.discriminatedUnion('kind', [
  registerWatchdog.refine(({ time, time_register }) => time_register === undefined || fits(time, 1), {
    error: 'expected at most 65535ms, which is what time_register holds',
    path: ['time'],
  }),
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
