import { resolve } from 'node:path'
import { z } from 'zod'
import type { Config } from './config.ts'
import { timeout } from './forms.ts'
import type { Report } from './problem.ts'

const syslogForm = z.strictObject({
  tls: z
    .string()
    .regex(
      /^(?:\[[0-9A-Fa-f:.]+\]|[^:\s]+):[0-9]{1,5}$/,
      'expected host:port of a receiver of syslog over TLS, such as logs.example.com:6514',
    ),
  ca: z.string("expected the file of the authority of the receiver's certificate").min(1),
  certificate: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  end: z.enum(['orderly', 'closed']).default('orderly'),
  timeout: timeout.default(30_000),
})

export const auditForm = z
  .strictObject({
    syslog: syslogForm.optional(),
    journal: z
      .union([z.enum(['auto', 'off']), z.string().startsWith('/')], {
        error: 'expected auto, off, or the path of a journal socket',
      })
      .default('auto'),
    tpm_counter: z.enum(['on', 'off'], 'expected on or off').default('on'),
  })
  .prefault({})

/** Where the audit log is sent to, and what it is bound to. */
export function resolveAudit(
  { syslog, journal, tpm_counter }: z.output<typeof auditForm>,
  folder: string,
  report: Report,
): Config['audit'] {
  const tpmCounter = tpm_counter === 'on'
  if (syslog === undefined) return { syslog: undefined, journal, tpmCounter }
  const colon = syslog.tls.lastIndexOf(':')
  const port = Number(syslog.tls.slice(colon + 1))
  if (port < 1 || port > 65_535) report(['audit', 'syslog', 'tls'], 'expected a port from 1 to 65535')
  const { certificate, key } = syslog
  if ((certificate === undefined) !== (key === undefined)) {
    report(['audit', 'syslog'], 'expected certificate and key together, or neither')
  }
  return {
    tpmCounter,
    journal,
    syslog: {
      host: syslog.tls.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
      port,
      ca: resolve(folder, syslog.ca),
      ...(certificate === undefined ? {} : { certificate: resolve(folder, certificate) }),
      ...(key === undefined ? {} : { key: resolve(folder, key) }),
      end: syslog.end,
      timeout: syslog.timeout,
    },
  }
}
