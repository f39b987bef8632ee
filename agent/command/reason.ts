import { z } from 'zod'
import { plain } from '../../model/plain.ts'

const MAX = 500
const ONE_LINE = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u

/**
 * A reason that a person gives. It is shown to others: nothing in it may steer their terminal, turn its direction of writing or
 * break its line.
 */
export const reason = z
  .string()
  .trim()
  .regex(ONE_LINE, 'expected a reason, on one line, without control or formatting characters')
  .max(MAX)

/** The same, of what may go towards the safe state: no character in a reason stands in the way of that, it is replaced. */
export const reasonTowardsSafe = z
  .string()
  .max(MAX)
  .transform(text => plain(text.trim()))
