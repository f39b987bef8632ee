import { X509Certificate } from 'node:crypto'
import { discover } from '../../drivers/opcua/endpoint.ts'
import { fingerprintOf, TrustedServers } from '../../drivers/opcua/trust.ts'
import { EXIT } from '../../model/exit.ts'
import { jsonLine, plain, plainLines } from '../../model/plain.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'

interface TrustOptions {
  readonly config: string
  readonly fingerprint?: string
  readonly json?: boolean
}

/**
 * `holdfast device trust`: shows the certificate of an OPC UA server, and trusts it when the fingerprint is given that somebody
 * has compared with the server's own. Exit code 0 when it is trusted now, 3 when it was only shown or is another, 4 when the
 * server did not show one, 2 for the configuration.
 */
export async function trustDevice(id: string, options: TrustOptions): Promise<number> {
  const say = (text: string) => void process.stderr.write(plainLines(`${text}\n`))
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') {
    say(formatProblems(loaded.problems))
    return EXIT.usage
  }
  const device = loaded.config.devices.get(id)
  if (device?.kind !== 'opcua') {
    say(
      device
        ? `${id} does not speak OPC UA: there is nothing to trust`
        : `${options.config} has no device ${id}`,
    )
    return EXIT.usage
  }
  let der: Buffer
  try {
    der = (await discover(device.endpoint, work => inTime(work, device.timeout * 5))).certificate
  } catch (error) {
    say(`${device.endpoint.url} did not show a certificate: ${(error as Error).message.split('\n')[0]}`)
    return EXIT.unproven
  }
  const certificate = new X509Certificate(der)
  const sha256 = fingerprintOf(certificate)
  const about = {
    device: id,
    certificate: certificate.subject.replaceAll('\n', ', '),
    sha256,
    valid_from: certificate.validFromDate.toISOString(),
    valid_to: certificate.validToDate.toISOString(),
  }
  const wished = options.fingerprint?.replaceAll(':', '').toLowerCase()
  const isTrusted = wished === sha256
  const file = isTrusted ? await new TrustedServers(device.endpoint.trusted).trust(der) : undefined
  if (options.json) process.stdout.write(jsonLine({ ...about, trusted: isTrusted, file }))
  else
    for (const [key, value] of Object.entries(about))
      process.stdout.write(`${plain(`${key.padEnd(11)}  ${value}`)}\n`)
  if (file) say(`trusted from now on: ${file}`)
  else if (wished) say(`that is another certificate than ${wished}: nothing was trusted`)
  else
    say(
      `compare this with the certificate on the server itself, then: holdfast device trust ${id} --fingerprint ${sha256}`,
    )
  return isTrusted ? EXIT.done : EXIT.refused
}

async function inTime<Result>(work: Promise<Result>, ms: number): Promise<Result> {
  const late = new Promise<never>((_, reject) => {
    const signal = AbortSignal.timeout(ms)
    signal.addEventListener('abort', () => reject(new Error('no answer in time')))
  })
  return await Promise.race([work, late])
}
