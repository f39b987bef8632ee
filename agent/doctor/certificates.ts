import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Millis, UnixMs } from '../../model/time.ts'
import type { Config } from '../config/config.ts'
import { error, type Finding, notChecked, ok, warning } from './finding.ts'

/** A file with certificates in PEM, and the key that belongs to the first of them, where it is our own. */
export interface CertificateFile {
  readonly what: string
  readonly path: string
  readonly key: string | undefined
}

/** Long enough to order one, and for the person who does to be on holiday. */
const SOON: Millis = 30 * 86_400_000

/** Every certificate that a configuration names, in its order. */
export function certificatesOf({ listeners, audit, devices, masterKey }: Config): CertificateFile[] {
  const of = (what: string, path: string, key?: string) => ({ what, path, key })
  const files: CertificateFile[] = []
  for (const listener of listeners) {
    if (listener.kind !== 'tls') continue
    const { certificate, key, clientCa } = listener.files
    files.push(of(`listener ${listener.name}`, certificate, key))
    files.push(of(`listener ${listener.name}, authority of its clients`, clientCa))
  }
  for (const [id, device] of devices) {
    if (device.kind === 'opcua') {
      const { certificate, key, user } = device.endpoint
      files.push(of(`device ${id}`, certificate, key))
      if (user.kind === 'certificate') files.push(of(`device ${id}, its user`, user.certificate, user.key))
    } else if (device.way.protocol === 'modbus-tcp-security') {
      const { certificate, key, ca } = device.way
      files.push(of(`device ${id}`, certificate, key), of(`device ${id}, its authority`, ca))
    }
  }
  const { syslog } = audit
  if (syslog) {
    files.push(of('syslog, authority of its receiver', syslog.ca))
    if (syslog.certificate !== undefined) files.push(of('syslog', syslog.certificate, syslog.key))
  }
  if (masterKey.source === 'vault') files.push(of('Vault, its authority', masterKey.caFile))
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
      : files.map(path => ({ what: `device ${id}, trusted server`, path, key: undefined }))
  })
  return (await Promise.all(found)).flat()
}

/** Reads each file: whether it is one, has begun and has not ended, and whether its key belongs to it. */
export async function checkCertificates(files: readonly CertificateFile[], now: UnixMs): Promise<Finding[]> {
  return await Promise.all(files.map(file => checkCertificate(file, now)))
}

async function checkCertificate({ what, path, key }: CertificateFile, now: UnixMs): Promise<Finding> {
  try {
    const text = await readFile(path, 'utf8')
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    if (blocks.length === 0) return error(`${what}: there is no certificate in ${path}`, 'it takes PEM')
    const certificates = blocks.map(block => new X509Certificate(block))
    const [own] = certificates
    if (key !== undefined && own && !own.checkPrivateKey(createPrivateKey(await readFile(key, 'utf8'))))
      return error(
        `${what}: ${key} is not the key of ${path}`,
        'put the key beside the certificate that was made for it',
      )
    return ofTime(what, path, certificates, now)
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

function ofTime(what: string, path: string, certificates: readonly X509Certificate[], now: UnixMs): Finding {
  const ends = Math.min(...certificates.map(({ validToDate }) => validToDate.getTime()))
  const begins = Math.max(...certificates.map(({ validFromDate }) => validFromDate.getTime()))
  const day = (at: UnixMs) => new Date(at).toISOString().slice(0, 10)
  const renew = 'renew it, and put it in the place of the old file: a listener takes it up without a restart'
  if (ends <= now) return error(`${what}: ${path} ended on ${day(ends)}`, renew)
  if (begins > now)
    return error(`${what}: ${path} begins on ${day(begins)}`, 'is the clock of this host right? timedatectl')
  return ends - now < SOON
    ? warning(`${what}: ${path} ends on ${day(ends)}`, renew)
    : ok(`${what}: good until ${day(ends)}`)
}
