import { z } from 'zod'
import { type Millis, parseDuration } from '../../model/time.ts'

/** The small parts that a plant file is made of: names, durations, amounts, addresses. */

export const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected a name of a-z, 0-9 and hyphens')
export const signal = z
  .string()
  .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'expected <element>.<signal>, such as inlet-valve.position')
export const duration = z
  .string('expected a duration such as 10ms, 3s or 15m')
  .transform((text, context): Millis => {
    const ms = parseDuration(text)
    if (ms === undefined) {
      const message = `expected a duration such as 10ms, 3s or 15m, not ${JSON.stringify(text)}`
      context.issues.push({ code: 'custom', message, input: text })
    }
    return ms ?? 0
  })
export const fraction = z.number().min(0).max(1)
export const amount = z.number().min(0)
export const size = z.number().positive()
export const cellAddress = z.int().min(0).max(0xffff)
/** What a 16 bit register holds. */
export const cell = z.int().min(0).max(0xffff)
