import assert from 'node:assert/strict'
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Config } from '../../../agent/config/config.ts'
import { certificatesOf, checkCertificates } from '../../../agent/doctor/certificates.ts'
import { checkCredentialFiles } from '../../../agent/doctor/credential-files.ts'
import { checkPermissions, type GuardedPath } from '../../../agent/doctor/permissions.ts'
import { mayRead } from '../../../agent/doctor/reader.ts'
import { checkTpmDevice } from '../../../agent/doctor/tpm.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { Authority } from '../certificates.ts'
import { lines, only } from './found.ts'

const SELF = { name: 'self', uid: process.getuid?.() ?? 0, groups: process.getgroups?.() ?? [] }
const OTHER = { name: 'other', uid: 54_321, groups: [54_321] }

async function guarded(path: string, mode: number, changed: Partial<GuardedPath> = {}): Promise<GuardedPath> {
  await writeFile(path, 'x')
  await chmod(path, mode)
  return {
    path,
    what: 'the file',
    modeMax: 0o600,
    owners: [SELF.uid],
    rootMayOwn: false,
    needed: true,
    ...changed,
  }
}

test('a file that others may read or write is an error, with the chmod that mends it', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'f')
  assert.deepEqual(lines(await checkPermissions([await guarded(path, 0o600)], SELF)), [
    'ok: owner and mode of 1 files and folders are right',
  ])
  const open = only(await checkPermissions([await guarded(path, 0o644)], SELF), 'error')
  assert.match(open.text, /0644: others may read/)
  assert.equal(open.remedy, `chmod 0600 ${path}`)
  assert.match(
    only(await checkPermissions([await guarded(path, 0o622)], SELF), 'error').text,
    /others may write/,
  )
  await chmod(path, 0o600)
  await using empty = await temporaryFolder()
  const gone = { ...(await guarded(path, 0o600)), path: join(empty.path, 'gone') }
  assert.match(only(await checkPermissions([gone], SELF), 'error').text, /is not there/)
  assert.deepEqual(await checkPermissions([{ ...gone, needed: false }], SELF), [])
})

test('a file that is not the agent’s, or that it cannot read, is an error', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'f')
  const foreign = await guarded(path, 0o600, { owners: [OTHER.uid] })
  assert.match(only(await checkPermissions([foreign], OTHER), 'error').text, /the agent runs as other/)
  const unreadable = await guarded(path, 0o640, { modeMax: 0o640, owners: [SELF.uid] })
  assert.match(only(await checkPermissions([unreadable], OTHER), 'error').text, /other cannot read/)
})

test('who may read follows owner, group and the rest, in that order', () => {
  const file = { uid: 7, gid: 70 }
  for (const [reader, mode, may] of [
    [{ name: '', uid: 0, groups: [] }, 0o000, true],
    [{ name: '', uid: 7, groups: [70] }, 0o040, false],
    [{ name: '', uid: 8, groups: [70] }, 0o040, true],
    [{ name: '', uid: 8, groups: [70] }, 0o604, false],
    [{ name: '', uid: 8, groups: [71] }, 0o004, true],
    [{ name: '', uid: 8, groups: [71] }, 0o640, false],
  ] as const)
    assert.equal(mayRead(reader, { ...file, mode }), may, `${reader.uid} ${mode.toString(8)}`)
})

test('a credential that others can read is an error; nobody is told of none', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'olga.credential')
  await writeFile(path, '{}', { mode: 0o600 })
  assert.deepEqual(await checkCredentialFiles([]), [])
  assert.deepEqual(lines(await checkCredentialFiles([path])), [
    'ok: 1 credential file: only the owner can read',
  ])
  await chmod(path, 0o640)
  assert.match(only(await checkCredentialFiles([path]), 'error').text, /640: others can use it/)
})

test('certificates: ended, about to end as the alarm about it is graded, not begun, of another key, missing, or none at all', async () => {
  await using folder = await temporaryFolder()
  const authority = await Authority.make(folder.path, 'plant-ca')
  const { certificate, key } = await authority.issue('gateway', 'IP:127.0.0.1')
  const other = await authority.issue('panel', 'IP:127.0.0.1')
  const now = Date.now()
  const day = 86_400_000
  const file = { what: 'listener panels', path: certificate, key, renewal: 'renew it' }
  const limits = { warn: 1.5 * day, critical: day }
  const at = async (changed: Partial<typeof file>, when = now) =>
    lines(await checkCertificates([{ ...file, ...changed }], limits, when))[0] ?? ''
  // They are made for two days.
  assert.match(await at({}, now), /^ok: listener panels: good until /)
  assert.match(await at({}, now + 0.75 * day), /^warning: listener panels: .* ends on /)
  assert.match(await at({}, now + 1.5 * day), /^error: listener panels: .* ends on /)
  assert.match(await at({}, now + 3 * day), /^error: .* ended on /)
  assert.match(await at({}, now - day), /^error: .* begins on /)
  assert.match(await at({ key: other.key }), /^error: .*panel\.key is not the key of/)
  assert.match(await at({ path: join(folder.path, 'gone.pem') }), /^error: .*ENOENT/)
  assert.match(await at({ path: key }), /^error: .*there is no certificate/)
})

test('an authority that is there again with a later end counts by that alone, as in the alarm', async () => {
  await using folder = await temporaryFolder()
  const day = 86_400_000
  const old = await readFile((await Authority.make(folder.path, 'plant-ca', 2)).path, 'utf8')
  const { path } = await Authority.make(folder.path, 'plant-ca', 100)
  const both = join(folder.path, 'both.pem')
  await writeFile(both, `${old}${await readFile(path, 'utf8')}`)
  const file = { what: 'syslog', path: both, key: undefined, renewal: '' }
  const limits = { warn: 30 * day, critical: 7 * day }
  assert.match(
    lines(await checkCertificates([file], limits, Date.now() + 3 * day))[0] ?? '',
    /^ok: syslog: good until/,
  )
})

test('what to do about a certificate that ends is said for each kind of file, and of a listener only for its own', async () => {
  const [own, user] = [
    { certificate: 'own.pem', key: 'own.key' },
    { certificate: 'user.pem', key: 'user.key' },
  ]
  const config = {
    listeners: [{ kind: 'tls', name: 'lan', files: { ...own, clientCa: 'clients.pem' } }],
    devices: new Map<string, unknown>([
      ['plc', { kind: 'modbus', way: { protocol: 'modbus-tcp-security', ...own, ca: 'ca.pem' } }],
      ['valves', { kind: 'opcua', endpoint: { ...own, user: { kind: 'certificate', ...user } } }],
    ]),
    audit: { syslog: { ca: 'syslog-ca.pem', ...own } },
    masterKey: { source: 'vault', caFile: 'vault-ca.pem' },
  } as unknown as Config
  const renew = 'renew it, and put it in the place of the old file'
  const authority = "get the authority's new certificate, and put it into the file"
  const listener = 'a listener takes it up without a restart'
  const next = 'the next connection takes it up, without a restart'
  assert.deepEqual(
    certificatesOf(config).map(({ what, path, renewal }) => [what, path, renewal]),
    [
      ['listener lan', 'own.pem', `${renew}: ${listener}`],
      ['listener lan, authority of its clients', 'clients.pem', `${authority}: ${listener}`],
      ['device plc', 'own.pem', `${renew}: ${next}`],
      ['device plc, its authority', 'ca.pem', `${authority}: ${next}`],
      ['device valves', 'own.pem', `${renew}: ${next}; the server must trust the new one`],
      ['device valves, its user', 'user.pem', `${renew}: ${next}; the server must trust the new one`],
      ['syslog, authority of its receiver', 'syslog-ca.pem', `${authority}: ${next}`],
      ['syslog', 'own.pem', `${renew}: ${next}`],
      [
        'Vault, its authority',
        'vault-ca.pem',
        `${authority}: it is read whenever the Vault is asked, without a restart`,
      ],
    ],
  )
})

test('a TPM that is not there, one that the agent may not use, and one in software', async t => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'tpmrm0')
  assert.match(only(await checkTpmDevice(`device:${path}`, SELF), 'error').text, /Linux sees no TPM/)
  await writeFile(path, '', { mode: 0o600 })
  assert.match(only(await checkTpmDevice(`device:${path}`, OTHER), 'error').text, /other may not use/)
  assert.match(only(await checkTpmDevice('swtpm:path=/x', SELF), 'warning').text, /in software/)
  if (SELF.uid !== 0) return t.diagnostic('giving the file to another group takes root')
  await mkdir(join(folder.path, 'd'))
  await chmod(path, 0o660)
  await chown(path, 0, 54_321)
  assert.match(
    lines(await checkTpmDevice(`device:${path}`, OTHER))[0] ?? '',
    /past the kernel's resource manager/,
  )
})
