import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { applicationCertificate } from '../../drivers/opcua/server.ts'
import { type OpcUaPlant, startOpcUaPlant, USER } from './opcua-plant.ts'

/** Where bin/setup unpacks open62541 on a Debian that has none. */
const UNPACKED = join(import.meta.dirname, '../../drivers/opcua/witness/debian-13/usr')

const SAYS = /^(?:configured|user|connected|channel|write|call|[a-z-]+\.[a-z]+) /
/** What it says once it is let in. */
const DONE = [
  'tank.level Good 1.2',
  'write Good',
  'drain-valve.command Good 0.5',
  'write BadOutOfRange',
  'call Good',
  'drain-valve.command Good 0.25',
]
const POLICIES = ['Basic256Sha256', 'Aes256_Sha256_RsaPss'] as const
const MODES = ['Sign', 'SignAndEncrypt'] as const

test('a client of open62541, a make of its own in C, reads, writes and calls over every policy in every mode', async () => {
  await using site = await startOpcUaPlant()
  const ask = await openClient(site)
  for (const policy of POLICIES)
    for (const mode of MODES)
      assert.deepEqual(
        await ask(policy, mode, 'password', ...USER),
        [
          'configured Good',
          'connected Good',
          `channel http://opcfoundation.org/UA/SecurityPolicy#${policy} ${mode}`,
          ...DONE,
        ],
        `${policy}, ${mode}`,
      )
})

test('a user who comes with a certificate is let in with one that somebody approved, and with no other, as open62541 has it', async () => {
  await using site = await startOpcUaPlant()
  const ask = await openClient(site)
  const known = await derFiles(site.folder, 'known')
  const stranger = await derFiles(site.folder, 'stranger')
  const users = join(site.folder, 'plc', 'users')
  await copyFile(join(site.folder, 'known.pem'), join(users, 'trusted', 'known.pem'))
  for (const policy of POLICIES)
    for (const mode of MODES) {
      const said = await ask(policy, mode, 'certificate', ...known)
      assert.deepEqual(
        said.slice(0, 3),
        ['configured Good', 'user Good', 'connected Good'],
        `${policy}, ${mode}`,
      )
      assert.deepEqual(said.slice(4), DONE, `${policy}, ${mode}`)
      for (const [who, status, ...files] of [
        ['somebody else', 'BadIdentityTokenRejected', ...stranger],
        ['with the key of somebody else', 'BadUserSignatureInvalid', known[0], stranger[1]],
      ] as const) {
        const refused = await ask(policy, mode, 'certificate', ...files)
        assert.deepEqual(
          refused.slice(0, 3),
          ['configured Good', 'user Good', `connected ${status}`],
          `${who}, ${policy}, ${mode}`,
        )
        assert.deepEqual(
          refused.filter(line => / Good/.test(line)),
          ['configured Good', 'user Good'],
          `${who}, ${policy}, ${mode}`,
        )
      }
    }
  assert.equal((await readdir(join(users, 'rejected'))).length, 1)
})

/** A certificate and a key of their own, as open62541 reads them. */
async function derFiles(folder: string, name: string): Promise<readonly [string, string]> {
  const { certificate, key } = await applicationCertificate(folder, name)
  const files = [join(folder, `${name}.der`), join(folder, `${name}-key.der`)] as const
  await execa('openssl', ['x509', '-in', certificate, '-outform', 'DER', '-out', files[0]])
  await execa('openssl', ['pkey', '-in', key, '-outform', 'DER', '-out', files[1]])
  return files
}

/** Compiles the client. What it returns runs it once, and resolves with the lines that it says. */
async function openClient(site: OpcUaPlant): Promise<(...words: string[]) => Promise<string[]>> {
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
  return async (...words) => {
    const { stdout } = await execa(at('client'), [site.url, ...files, ...words], {
      env: { LD_LIBRARY_PATH: libraries },
      stderr: 'ignore',
    })
    return stdout.split('\n').filter(line => SAYS.test(line))
  }
}
