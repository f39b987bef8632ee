import { isIPv6 } from 'node:net'

/** What always means this machine. One program that listens for one of them nearly always listens for all. */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '[::ffff:7f00:1]'])

/**
 * A host as it is compared with another: capitals, a dot at the end, and the ways to write one address make no difference, and neither
 * do the names of this machine. It asks nobody: whether a name stands for an address shows only when it is connected to.
 */
export function canonicalHost(host: string): string {
  const written = URL.parse(`http://${isIPv6(host) ? `[${host}]` : host}`)?.hostname ?? host
  const name = written.replace(/\.$/, '')
  return LOOPBACK.has(name) ? 'localhost' : name
}
