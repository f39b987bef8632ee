import type { Clock } from '../model/time.ts'
import type { Alarms } from './alarms/alarms.ts'
import { type Finding, Measures } from './alarms/measures.ts'
import { type CertificateFile, findingOf, worriesAbout, worriesIn } from './certificate-expiry.ts'
import type { Config, DeviceConfig } from './config/config.ts'
import type { Devices } from './devices.ts'
import { subjectOf } from './pem.ts'

const MINUTE = 60_000

/** Looks at the certificates that devices are talked to with, and raises an alarm before one expires. */
export function watchDeviceCertificates(
  config: Config,
  devices: Pick<Devices, 'shownCertificate'>,
  clock: Clock,
  alarms: Alarms,
): Measures {
  const find = () => expiringCertificates(config, devices, clock)
  const measures = new Measures([{ name: 'device-certificate-expiring', every: MINUTE, find }], alarms, clock)
  measures.start()
  return measures
}

/**
 * Of each OPC UA and Modbus TLS device the certificates that expire soon, as one finding, as loud as the first of them: ours, its user's
 * and its authority's, as they are in their files now, and its own as it was shown last.
 */
export async function expiringCertificates(
  { devices: declared, alarms }: Pick<Config, 'devices' | 'alarms'>,
  devices: Pick<Devices, 'shownCertificate'>,
  clock: Pick<Clock, 'wall'>,
): Promise<readonly Finding[]> {
  const due = { limits: alarms.certificateExpires, clock }
  const found = await Promise.all(
    [...declared].map(async ([id, device]) => {
      const worries = await Promise.all(filesOf(device).map(file => worriesIn(file, due)))
      const shown = devices.shownCertificate(id)
      const whose = device.kind === 'opcua' ? 'server' : 'device'
      if (shown) worries.push(worriesAbout(shown, `the ${whose}'s certificate ${subjectOf(shown)}`, due))
      return findingOf(worries.flat(), { device: id })
    }),
  )
  return found.flat()
}

/** The files that the next connection to a device stands or falls with. */
function filesOf(device: DeviceConfig): CertificateFile[] {
  const own = (name: string, path: string): CertificateFile => ({ name: `${name} `, path, holds: 'own' })
  if (device.kind === 'opcua') {
    const { certificate, user } = device.endpoint
    const ours = own("the gateway's own certificate", certificate)
    return user.kind === 'certificate' ? [ours, own("the user's certificate", user.certificate)] : [ours]
  }
  if (device.way.protocol !== 'modbus-tcp-security') return []
  const { certificate, ca } = device.way
  return [
    own("the gateway's own certificate", certificate),
    { name: "the device's authority ", path: ca, holds: 'authorities' },
  ]
}
