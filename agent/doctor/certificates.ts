import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UnixMs } from '../../model/time.ts'
import { gradeBelow, type Threshold } from '../alarms/threshold.ts'
import type { Config } from '../config/config.ts'
import { certificatesIn, latestOfEach } from '../pem.ts'
import { error, type Finding, notChecked, ok, warning } from './finding.ts'

/** A file with certificates in PEM. */
export interface CertificateFile {
  readonly what: string
  readonly path: string
  /** What belongs to the first of them, where it is our own. */
  readonly key: string | undefined
  /** What to do when one ends. */
  readonly renewal: string
}

const TAKEN_UP = {
  atOnce: 'a listener takes it up without a restart',
  withTheNext: 'the next connection takes it up, without a restart',
  withUse: 'it is read whenever the Vault is asked, without a restart',
}
const RENEW = 'renew it, and put it in the place of the old file'
const NEW_AUTHORITY = "get the authority's new certificate, and put it into the file"

/** Every certificate that a configuration names, in its order. */
export function certificatesOf({ listeners, audit, devices, masterKey }: Config): CertificateFile[] {
  const files: CertificateFile[] = []
  const own = (what: string, path: string, key: string | undefined, renewal: string) =>
    files.push({ what, path, key, renewal })
  const authority = (what: string, path: string, taken: string) =>
    files.push({ what, path, key: undefined, renewal: `${NEW_AUTHORITY}: ${taken}` })
  for (const listener of listeners) {
    if (listener.kind !== 'tls') continue
    const { certificate, key, clientCa } = listener.files
    own(`listener ${listener.name}`, certificate, key, `${RENEW}: ${TAKEN_UP.atOnce}`)
    authority(`listener ${listener.name}, authority of its clients`, clientCa, TAKEN_UP.atOnce)
  }
  for (const [id, device] of devices) {
    if (device.kind === 'opcua') {
      const { certificate, key, user } = device.endpoint
      const renewal = `${RENEW}: ${TAKEN_UP.withTheNext}; the server must trust the new one`
      own(`device ${id}`, certificate, key, renewal)
      if (user.kind === 'certificate') own(`device ${id}, its user`, user.certificate, user.key, renewal)
    } else if (device.way.protocol === 'modbus-tcp-security') {
      const { certificate, key, ca } = device.way
      own(`device ${id}`, certificate, key, `${RENEW}: ${TAKEN_UP.withTheNext}`)
      authority(`device ${id}, its authority`, ca, TAKEN_UP.withTheNext)
    }
  }
  const { syslog } = audit
  if (syslog) {
    authority('syslog, authority of its receiver', syslog.ca, TAKEN_UP.withTheNext)
    if (syslog.certificate !== undefined)
      own('syslog', syslog.certificate, syslog.key, `${RENEW}: ${TAKEN_UP.withTheNext}`)
  }
  if (masterKey.source === 'vault') authority('Vault, its authority', masterKey.caFile, TAKEN_UP.withUse)
  return files
}

/** The servers that each OPC UA device trusts, as files of certificates; a finding where it trusts none. */
export async function trustedServersOf({ devices }: Config): Promise<(CertificateFile | Finding)[]> {
  const found = [...devices].map(async ([id, device]): Promise<(CertificateFile | Finding)[]> => {
    if (device.kind !== 'opcua') return []
    const folder = device.endpoint.trusted
    const names = await readdir(folder).catch(() => [])
    const files = names.filter(name => name.endsWith('.pem')).map(name => join(folder, name))
    return files.length === 0
      ? [error(`device ${id}: no server is trusted in ${folder}`, `holdfast device trust ${id}`)]
      : files.map(path => ({
          what: `device ${id}, trusted server`,
          path,
          key: undefined,
          renewal: `renew it in the server, then holdfast device trust ${id}`,
        }))
  })
  return (await Promise.all(found)).flat()
}

/**
 * Reads each file: whether it is one, has begun and has not ended, and whether its key belongs to it. What ends soon is as bad as the alarm
 * about it would be by `limits`: a critical one is an error.
 */
export async function checkCertificates(
  files: readonly CertificateFile[],
  limits: Threshold,
  now: UnixMs,
): Promise<Finding[]> {
  return await Promise.all(files.map(file => checkCertificate(file, limits, now)))
}

async function checkCertificate(file: CertificateFile, limits: Threshold, now: UnixMs): Promise<Finding> {
  const { what, path, key } = file
  try {
    const certificates = certificatesIn(await readFile(path, 'utf8'))
    const [own] = certificates
    if (!own) return error(`${what}: there is no certificate in ${path}`, 'it takes PEM')
    if (key !== undefined && !own.checkPrivateKey(createPrivateKey(await readFile(key, 'utf8'))))
      return error(
        `${what}: ${key} is not the key of ${path}`,
        'put the key beside the certificate that was made for it',
      )
    return ofTime(file, key === undefined ? latestOfEach(certificates) : certificates, limits, now)
  } catch (failure) {
    const { code, message } = failure as NodeJS.ErrnoException
    return code === 'EACCES'
      ? notChecked(`${what}: this user may not read ${path} or its key`, 'run this as root')
      : error(
          `${what}: ${path}${key === undefined ? '' : ' or its key'} cannot be read: ${message}`,
          `ls -l ${path}`,
        )
  }
}

function ofTime(
  { what, path, renewal }: CertificateFile,
  certificates: readonly X509Certificate[],
  limits: Threshold,
  now: UnixMs,
): Finding {
  const ends = Math.min(...certificates.map(({ validToDate }) => validToDate.getTime()))
  const begins = Math.max(...certificates.map(({ validFromDate }) => validFromDate.getTime()))
  const day = (at: UnixMs) => new Date(at).toISOString().slice(0, 10)
  if (ends <= now) return error(`${what}: ${path} ended on ${day(ends)}`, renewal)
  if (begins > now)
    return error(`${what}: ${path} begins on ${day(begins)}`, 'is the clock of this host right? timedatectl')
  const soon = gradeBelow(ends - now, limits)
  if (soon === undefined) return ok(`${what}: good until ${day(ends)}`)
  const found = soon === 'critical' ? error : warning
  return found(`${what}: ${path} ends on ${day(ends)}`, renewal)
}
