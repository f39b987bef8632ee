import { resolve } from 'node:path'
import { z } from 'zod'
import type { ListenerConfig } from './config.ts'
import { name, network, rate } from './forms.ts'
import type { Report } from './problem.ts'

const hostAndPort = z
  .string()
  .regex(
    /^(?:\[[0-9A-Fa-f:.]+\]|[^:\s]+):[0-9]{1,5}$/,
    'expected host:port, such as 127.0.0.1:8440 or [::1]:8440',
  )
const allowedNetworks = z.array(network).min(1, 'expected at least one network that may connect')
const listenerRate = rate.default({ requests: 1000, per: 1000 })
const panel = z.boolean('expected true where the operator panel is served, or false').default(false)

const tlsListener = z.strictObject({
  name,
  tls: hostAndPort,
  certificate: z.string('expected the file of the certificate').min(1),
  key: z.string("expected the file of the certificate's key").min(1),
  client_ca: z.string('expected the file of the authorities whose clients may connect').min(1),
  allowed_networks: allowedNetworks,
  rate: listenerRate,
  panel,
})

const tcpListener = z.strictObject({
  name,
  rate: listenerRate,
  panel,
  tcp: hostAndPort,
  allowed_networks: allowedNetworks,
  unattributed_failures: z.enum(['count', 'alarm'], {
    error:
      'expected count or alarm: this listener knows nobody by identity, so you must choose what forged requests on it do. ' +
      'count: five of them drive the actuator that they aim at to its safe state, so whoever can reach this address can stop it. ' +
      'alarm: they raise an alarm and move nothing',
  }),
})

const unixListener = z.strictObject({
  name,
  unix: z.string().min(1),
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/, 'expected permission bits in quotes, such as "0660"')
    .default('0600'),
  admin: z.boolean().default(false),
})

export const listenersForm = z
  .array(
    z.unknown().transform((value, context) => {
      // Told apart by what they listen on, so that a mistake is reported against the right one.
      const kind = typeof value === 'object' && value !== null ? value : {}
      const schema = 'unix' in kind ? unixListener : 'tls' in kind ? tlsListener : tcpListener
      const parsed = schema.safeParse(value)
      if (parsed.success) return parsed.data
      for (const issue of parsed.error.issues) context.addIssue({ ...issue, code: 'custom', params: issue })
      return z.NEVER
    }),
  )
  .min(1, 'expected at least one listener')

export type ListenersFile = z.output<typeof listenersForm>

/** Checks what the listeners mean together. */
export function resolveListeners(file: ListenersFile, folder: string, report: Report): ListenerConfig[] {
  const names = new Set<string>()
  const places = new Set<string>()
  return file.map((listener, index) => {
    if (names.has(listener.name))
      report(['listeners', index, 'name'], `there is a listener ${listener.name} already`)
    names.add(listener.name)
    const place =
      'unix' in listener ? resolve(folder, listener.unix) : 'tls' in listener ? listener.tls : listener.tcp
    if (places.has(place) && !place.endsWith(':0'))
      report(['listeners', index], `another listener is at ${place} already`)
    places.add(place)
    if ('unix' in listener) {
      const mode = Number.parseInt(listener.mode, 8)
      if (listener.admin && (mode & 0o077) !== 0) {
        report(
          ['listeners', index, 'mode'],
          'expected "0600" for the admin socket: whoever can open it can issue credentials',
        )
      }
      return {
        kind: 'unix',
        name: listener.name,
        path: resolve(folder, listener.unix),
        mode,
        admin: listener.admin,
      }
    }
    const colon = place.lastIndexOf(':')
    const port = Number(place.slice(colon + 1))
    if (port > 65535) {
      report(['listeners', index, 'tls' in listener ? 'tls' : 'tcp'], 'expected a port from 0 to 65535')
    }
    const common = {
      name: listener.name,
      host: place.slice(0, colon).replace(/^\[|\]$/g, ''),
      port,
      allowedNetworks: listener.allowed_networks,
      rate: { requests: listener.rate.requests, period: listener.rate.per },
      panel: listener.panel,
    }
    if ('tcp' in listener) {
      return { kind: 'tcp', ...common, unattributedFailures: listener.unattributed_failures }
    }
    const files = {
      certificate: resolve(folder, listener.certificate),
      key: resolve(folder, listener.key),
      clientCa: resolve(folder, listener.client_ca),
    }
    return { kind: 'tls', ...common, files }
  })
}
