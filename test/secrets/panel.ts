import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { Authority } from '../agent/certificates.ts'
import type { Day } from './day.ts'
import { issueTo } from './own-certificate.ts'

/** Puts a TLS listener, `panels`, into the configuration; gives the words with which a panel calls it, whose own files are in `folder`. */
export async function addPanels(day: Day, folder: string): Promise<readonly string[]> {
  const authority = await Authority.make(folder, 'panels')
  const client = await authority.issue('panel', 'URI:spiffe://plant/panel')
  const { config } = day.gateway
  const document = parseDocument(await readFile(config, 'utf8'))
  const listener = {
    name: 'panels',
    tls: '127.0.0.1:0',
    ...(await issueTo(day, authority, 'listener')),
    client_ca: authority.path,
    allowed_networks: ['127.0.0.0/8'],
  }
  document.addIn(['listeners'], document.createNode(listener))
  await writeFile(config, document.toString())
  return ['--cert', client.certificate, '--key', client.key, '--ca', join(folder, 'panels.pem')]
}
