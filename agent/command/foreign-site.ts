import type { Channel } from './received.ts'
import { type Refused, refuse } from './refused.ts'

/** What of a request says which page it comes from. */
export interface Head {
  readonly channel: Pick<Channel, 'certificate' | 'panel'>
  readonly method: string
  /** Lower case and without the scheme's default port. */
  readonly authority: string
  readonly path: string
  readonly fields: ReadonlyMap<string, readonly string[]>
}

const SITE_MAX = 100
/** Names of this computer: those at the end of a tunnel, the only ones at which a page without TLS can sign anything. */
const LOOPBACK = /^http:\/\/(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?$/

/**
 * Refuses what a page of another site makes a browser send: it comes with the client certificate and the address of whoever looks
 * at that page, and they know nothing of it. Programs say neither `Origin` (RFC 6454 §7) nor `Sec-Fetch-Site` (W3C Fetch Metadata
 * §2.1), and a page can keep a browser from saying neither. Where no panel is served, no page is ours. Undefined where nothing is
 * foreign.
 */
export function refuseForeignSite(head: Head): Refused | undefined {
  const { channel, authority, fields } = head
  const origins = fields.get('origin') ?? []
  const sites = fields.get('sec-fetch-site') ?? []
  const own = `${channel.certificate ? 'https' : 'http'}://${authority}`
  // Without TLS any name can be made to lead here, and then the browser takes that name's page for ours. It may have the panel's
  // files, which say that they take no credential there, and nothing else.
  const isFile = head.method === 'GET' && head.path.startsWith('/panel/')
  const hasOwn = channel.panel === true && (channel.certificate !== undefined || LOOPBACK.test(own) || isFile)
  const foreign = origins.find(origin => !hasOwn || origin !== own)
  const isForeign = sites.some(site => site !== 'none' && !(site === 'same-origin' && channel.panel === true))
  if (foreign === undefined && (!isForeign || isLink(head))) return undefined
  const from = foreign ?? origins[0]
  const site = from === undefined || from === 'null' ? 'another site that does not say its name' : from
  return refuse(
    'foreign-site',
    `a page of ${site.slice(0, SITE_MAX)} made a browser send this`,
    'use the panel at the address that this listener has, or a program without a browser',
  )
}

/** Somebody follows a link to the panel: the page is opened by itself, and whoever linked to it sees nothing of it. */
function isLink({ method, path, channel, fields }: Head): boolean {
  const says = (name: string, value: string) => fields.get(name)?.every(one => one === value) ?? false
  return (
    channel.panel === true &&
    method === 'GET' &&
    (path === '/panel' || path === '/panel/') &&
    says('sec-fetch-mode', 'navigate') &&
    says('sec-fetch-dest', 'document')
  )
}
