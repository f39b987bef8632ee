import { isIP } from 'node:net'
import { z } from 'zod'
import { NAME_FORM } from '../../model/credential.ts'
import { parseDuration, TIMER_MAX } from '../../model/time.ts'

/** The forms that the sections of the file share. Each says what it expects, because that is what `holdfast check` prints. */

export const name = z
  .string()
  .regex(NAME_FORM, 'expected a name of lower-case letters, digits and hyphens, such as inlet-valve')

export const duration = z
  .string('expected a duration such as 250ms, 3s, 15m or 24h')
  .transform((text, context) => {
    const parsed = parseDuration(text)
    if (parsed !== undefined) return parsed
    context.addIssue('expected a duration such as 250ms, 3s, 15m or 24h')
    return z.NEVER
  })

export const port = z.int('expected a port from 0 to 65535').min(0).max(65535)

export const network = z.string().refine(text => {
  const [address = '', bits = '', more] = text.split('/')
  const family = isIP(address)
  return (
    family !== 0 &&
    more === undefined &&
    /^[0-9]{1,3}$/.test(bits) &&
    Number(bits) <= (family === 4 ? 32 : 128)
  )
}, 'expected a network such as 10.1.0.0/16 or fd00::/8')

export const timeout = duration.refine(ms => ms <= TIMER_MAX, 'expected a timeout of 24d at most')

export const rate = z.strictObject({
  requests: z.int('expected a number of requests').min(1).max(1_000_000),
  per: duration,
})
