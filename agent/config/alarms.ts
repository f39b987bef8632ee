import { resolve } from 'node:path'
import { z } from 'zod'
import type { Config } from './config.ts'
import { duration, timeout } from './forms.ts'
import type { Report } from './problem.ts'

const DAY = 86_400_000

const count = z.int('expected a number').min(1).max(1_000_000)
const percent = z.number('expected per cent, such as 5').min(0.1).max(100)
const counts = z.strictObject({ warn: count, critical: count })
const percents = z.strictObject({ warn: percent, critical: percent })
const times = z.strictObject({ warn: duration, critical: duration })

const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost']

const webhookForm = z.strictObject({
  url: z.string().refine(text => {
    const url = URL.parse(text)
    const isPlain = url?.protocol === 'http:' && LOOPBACK.includes(url.hostname)
    return url !== null && (url.protocol === 'https:' || isPlain) && url.username === '' && url.hash === ''
  }, 'expected https://host/path, or http:// on this host, without a user or a #'),
  secret_file: z.string('expected the file of the secret that it is signed with').min(1),
  ca: z.string().min(1).optional(),
  timeout: timeout.default(10_000),
})

/** The thresholds of alarms, with good practice for those that the file leaves out. */
export const alarmsForm = z
  .strictObject({
    failed_authentications: counts.default({ warn: 10, critical: 50 }),
    refusals: percents.default({ warn: 5, critical: 10 }),
    requests_per_credential: counts.default({ warn: 300, critical: 1200 }),
    certificate_expires: times.default({ warn: 30 * DAY, critical: 7 * DAY }),
    disk_free: percents.default({ warn: 10, critical: 5 }),
    audit_queue: percents.default({ warn: 25, critical: 75 }),
    webhook: webhookForm.optional(),
  })
  .prefault({})

export function resolveAlarms(file: z.output<typeof alarmsForm>, report: Report): Config['alarms'] {
  const limits = {
    failedAuthentications: file.failed_authentications,
    refusals: file.refusals,
    requestsPerCredential: file.requests_per_credential,
    auditQueue: file.audit_queue,
    certificateExpires: file.certificate_expires,
    diskFree: file.disk_free,
  }
  for (const key of ['failed_authentications', 'refusals', 'requests_per_credential', 'audit_queue'] as const)
    if (file[key].critical <= file[key].warn)
      report(['alarms', key, 'critical'], `expected more than warn, which is ${file[key].warn}`)
  for (const key of ['certificate_expires', 'disk_free'] as const)
    if (file[key].critical >= file[key].warn)
      report(['alarms', key, 'critical'], 'expected less than warn: it gets worse as it gets less')
  return limits
}

export function resolveWebhook({ webhook }: z.output<typeof alarmsForm>, folder: string): Config['webhook'] {
  if (!webhook) return undefined
  const { url, secret_file, ca, timeout: longest } = webhook
  const own = ca === undefined ? {} : { ca: resolve(folder, ca) }
  return { url, secretFile: resolve(folder, secret_file), ...own, timeout: longest }
}
