import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Authority } from '../agent/certificates.ts'
import type { Day } from './day.ts'
import { partsOf } from './key-parts.ts'

/** Notes the private key in a file of the gateway's folder: it may be there and nowhere else. */
export async function holdKey(day: Day, file: string): Promise<void> {
  day.hold(file, partsOf(file, await readFile(join(day.gateway.folder, file), 'utf8')))
}

/** Has a certificate issued to the gateway, whose files are in its folder, and notes its key. */
export async function issueTo(
  day: Day,
  authority: Authority,
  name: string,
): Promise<{ certificate: string; key: string }> {
  const { folder } = day.gateway
  const issued = await authority.issue(name, 'IP:127.0.0.1')
  const files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  await rename(issued.certificate, files.certificate)
  await rename(issued.key, files.key)
  await holdKey(day, `${name}.key`)
  return files
}
