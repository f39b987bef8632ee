import { certificatesOf } from '../drivers/opcua/certificates.ts'
import type { Clock } from '../model/time.ts'
import type { Alarms } from './alarms/alarms.ts'
import { type Finding, Measures } from './alarms/measures.ts'
import { gradeBelow } from './alarms/threshold.ts'
import type { Config } from './config/config.ts'
import type { Devices } from './devices.ts'

const MINUTE = 60_000

/** Looks at the certificates that OPC UA devices are talked to with, and raises an alarm before one expires. */
export function watchDeviceCertificates(
  config: Config,
  devices: Pick<Devices, 'serverCertificate'>,
  clock: Clock,
  alarms: Alarms,
): Measures {
  const find = () => expiringCertificates(config, devices, clock)
  const measures = new Measures([{ name: 'device-certificate-expiring', every: MINUTE, find }], alarms, clock)
  measures.start()
  return measures
}

/** Of each device the certificates that expire soon, as one finding: as loud as the first of them. */
export async function expiringCertificates(
  config: Pick<Config, 'devices' | 'alarms'>,
  devices: Pick<Devices, 'serverCertificate'>,
  clock: Clock,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [id, device] of config.devices) {
    if (device.kind !== 'opcua') continue
    // A file that cannot be read keeps the device from being connected, which is told otherwise.
    const held = await certificatesOf(device.endpoint, devices.serverCertificate(id)).catch(() => [])
    const old = held
      .map(certificate => ({ ...certificate, left: certificate.expires - clock.wall() }))
      .filter(({ left }) => gradeBelow(left, config.alarms.certificateExpires) !== undefined)
      .toSorted((a, b) => a.left - b.left)
    const severity = old[0] && gradeBelow(old[0].left, config.alarms.certificateExpires)
    if (!severity) continue
    const detail = old
      .map(({ name, expires, left }) => {
        const when = new Date(expires).toISOString()
        return `${name} ${left > 0 ? 'expires' : 'has expired'} at ${when}`
      })
      .join('; ')
    findings.push({ severity, detail, about: { device: id } })
  }
  return findings
}
