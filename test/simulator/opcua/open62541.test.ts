import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { startOpcUaPlant, USER } from './opcua-plant.ts'

/** Where bin/setup unpacks open62541 on a Debian that has none. */
const UNPACKED = join(import.meta.dirname, '../../drivers/opcua/witness/debian-13/usr')

test('a client of open62541, a make of its own in C, reads, writes and calls over an encrypted channel', async () => {
  await using site = await startOpcUaPlant()
  const at = (name: string) => join(site.folder, name)
  const isUnpacked = existsSync(UNPACKED)
  const { stdout: triplet } = await execa('gcc', ['-print-multiarch'])
  const libraries = isUnpacked ? join(UNPACKED, 'lib', triplet) : join('/usr/lib', triplet)
  const source = join(import.meta.dirname, 'programs', 'open62541_client.c')
  const library = [join(libraries, 'libopen62541.so.1.4'), '-Wl,--allow-shlib-undefined']
  const include = isUnpacked ? ['-I', join(UNPACKED, 'include')] : []
  await execa('gcc', [
    '-O1',
    '-Werror=implicit-function-declaration',
    ...include,
    '-o',
    at('client'),
    source,
    ...library,
  ])
  await execa('openssl', [
    'x509',
    '-in',
    site.client.certificate,
    '-outform',
    'DER',
    '-out',
    at('gateway.der'),
  ])
  await execa('openssl', ['pkey', '-in', site.client.key, '-outform', 'DER', '-out', at('key.der')])
  await writeFile(at('server.der'), site.plant.opcua?.certificate ?? '')
  const files = ['gateway.der', 'key.der', 'server.der'].map(at)
  const { stdout } = await execa(at('client'), [site.url, ...files, ...USER], {
    env: { LD_LIBRARY_PATH: libraries },
    stderr: 'ignore',
  })
  assert.deepEqual(
    stdout.split('\n').filter(line => /^(?:configured|connected|write|call|[a-z-]+\.[a-z]+) /.test(line)),
    [
      'configured Good',
      'connected Good',
      'tank.level Good 1.2',
      'write Good',
      'drain-valve.command Good 0.5',
      'write BadOutOfRange',
      'call Good',
      'drain-valve.command Good 0.25',
    ],
  )
})
