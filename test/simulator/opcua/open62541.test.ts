import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { type OpcUaPlant, startOpcUaPlant, USER } from './opcua-plant.ts'

/** Where bin/setup unpacks open62541 on a Debian that has none. */
const UNPACKED = join(import.meta.dirname, '../../drivers/opcua/witness/debian-13/usr')

test('a client of open62541, a make of its own in C, reads, writes and calls over every policy in every mode', async () => {
  await using site = await startOpcUaPlant()
  const ask = await openClient(site)
  for (const policy of ['Basic256Sha256', 'Aes256_Sha256_RsaPss']) {
    for (const mode of ['Sign', 'SignAndEncrypt']) {
      const said = await ask(policy, mode)
      assert.deepEqual(
        said.filter(line => /^(?:configured|connected|channel|write|call|[a-z-]+\.[a-z]+) /.test(line)),
        [
          'configured Good',
          'connected Good',
          `channel http://opcfoundation.org/UA/SecurityPolicy#${policy} ${mode}`,
          'tank.level Good 1.2',
          'write Good',
          'drain-valve.command Good 0.5',
          'write BadOutOfRange',
          'call Good',
          'drain-valve.command Good 0.25',
        ],
        `${policy}, ${mode}`,
      )
    }
  }
})

/** Compiles the client. What it returns runs it once, and resolves with the lines that it says. */
async function openClient(site: OpcUaPlant): Promise<(policy: string, mode: string) => Promise<string[]>> {
  const at = (name: string) => join(site.folder, name)
  const isUnpacked = existsSync(UNPACKED)
  const { stdout: triplet } = await execa('gcc', ['-print-multiarch'])
  const libraries = isUnpacked ? join(UNPACKED, 'lib', triplet) : join('/usr/lib', triplet)
  const source = join(import.meta.dirname, 'programs', 'open62541_client.c')
  const library = [join(libraries, 'libopen62541.so.1.4'), '-Wl,--allow-shlib-undefined']
  const include = isUnpacked ? ['-I', join(UNPACKED, 'include')] : []
  const strict = '-Werror=implicit-function-declaration'
  await execa('gcc', ['-O1', strict, ...include, '-o', at('client'), source, ...library])
  const { certificate, key } = site.client
  await execa('openssl', ['x509', '-in', certificate, '-outform', 'DER', '-out', at('gateway.der')])
  await execa('openssl', ['pkey', '-in', key, '-outform', 'DER', '-out', at('key.der')])
  await writeFile(at('server.der'), site.plant.opcua?.certificate ?? '')
  const files = ['gateway.der', 'key.der', 'server.der'].map(at)
  return async (policy, mode) => {
    const { stdout } = await execa(at('client'), [site.url, ...files, ...USER, policy, mode], {
      env: { LD_LIBRARY_PATH: libraries },
      stderr: 'ignore',
    })
    return stdout.split('\n')
  }
}
