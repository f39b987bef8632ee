import { unavailable } from '../file/fault.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import { serverWords } from './transit.ts'

/** Where the key is, for a person. */
export interface VaultKeyPlace {
  readonly address: string
  /** `transit` */
  readonly mount: string
  readonly key: string
  readonly generation: number
}

/** Nobody was reached: names, routes and connections (Node, errors of the operating system). */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Says in plain words why there was no answer to read. */
export function explainNoResponse(code: string, { address }: VaultKeyPlace): MasterKeyUnavailable {
  if (UNREACHABLE.has(code))
    return unavailable(
      'absent',
      `no Vault answers at ${address} (${code})`,
      'Check that it runs, the address, the network and the firewall.',
    )
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return unavailable(
      'failed',
      `the certificate of ${address} is not valid now (${code})`,
      "Renew it, and check this host's clock.",
    )
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return unavailable(
      'failed',
      `the certificate of ${address} is for another name`,
      'Use the name that is in the certificate, or issue one for this name.',
    )
  if (/CERT|ISSUER|SIGNATURE/.test(code))
    return unavailable(
      'failed',
      `the certificate of ${address} was not issued by an authority in ca_file (${code})`,
      'Put the certificate of the authority that issued it into ca_file. If nothing was changed, somebody may be in between.',
    )
  if (code.startsWith('ERR_OSSL'))
    return unavailable(
      'failed',
      `there is no certificate in ca_file, or none that can be read (${code})`,
      'Write the certificate of the authority into it, as PEM.',
    )
  return unavailable(
    'failed',
    `the connection to ${address} failed (${code})`,
    'Check that the address is that of a Vault, with TLS 1.2 or later.',
  )
}

/** Says in plain words why the answer was not an HMAC (HTTP API, "HTTP Status Codes"). */
export function explainStatus(
  status: number,
  body: Uint8Array,
  token: string,
  place: VaultKeyPlace,
): MasterKeyUnavailable {
  const words = serverWords(body, token)
  const said = words === '' ? '' : `: ${words}`
  const path = `${place.mount}/keys/${place.key}`
  if (status >= 300 && status < 400)
    return unavailable(
      'busy',
      `the Vault at ${place.address} is on standby and points elsewhere (${status}), where the token is not sent`,
      'Give the address of the active node, or of a load balancer that finds it.',
    )
  switch (status) {
    case 400:
      return isNoSuchKey(words)
        ? unavailable(
            'not-enrolled',
            `the Vault has no version ${place.generation} of ${path}${said}`,
            `Check key and generation in the configuration. A new key is made by: vault write ${path} type=hmac key_size=32.`,
          )
        : unavailable(
            'failed',
            `the Vault refused the request${said}`,
            'Check that the mount is a transit engine.',
          )
    case 403:
      return unavailable(
        'policy',
        `the Vault does not let this token use ${path}${said}`,
        `Give the token a policy with update on ${place.mount}/hmac/${place.key}/sha2-256, or a new token if it has expired.`,
      )
    case 404:
      return unavailable(
        'not-enrolled',
        `the Vault has nothing at ${place.mount}/${said}`,
        `Check mount and namespace in the configuration, or enable the engine: vault secrets enable -path=${place.mount} transit.`,
      )
    case 412:
    case 429:
    case 472:
    case 473:
      return unavailable(
        'busy',
        `the Vault has no time now, or is on standby (${status})${said}`,
        'It is tried again. If it keeps happening, raise its rate limit, or give the address of the active node.',
      )
    case 502:
    case 503:
    case 504:
      return unavailable(
        'busy',
        `the Vault is sealed or down for maintenance (${status})${said}`,
        'Unseal it: vault operator unseal.',
      )
    default:
      return unavailable(
        'failed',
        `the Vault answered with status ${status}${said}`,
        "Look into the Vault's own log.",
      )
  }
}

/** Words of Vault and OpenBao (builtin/logical/transit/path_hmac.go; sdk/helper/keysutil/policy.go, HMACKey). */
function isNoSuchKey(words: string): boolean {
  return /encryption key not found|key version does not exist|version is too old|no HMAC key exists/.test(
    words,
  )
}
