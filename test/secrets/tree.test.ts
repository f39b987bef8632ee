import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { formatSheet } from '../../agent/credential/break-glass/sheet.ts'
import { formatShare } from '../../agent/credential/escrow/share.ts'
import { ROOT } from '../agent/gateway.ts'
import { ALLOWED, type Allowed } from './allowed.ts'
import { findSecrets } from './rules.ts'

/** Files that hold secrets by their nature, whatever is in them. */
const FILE_NAMES =
  /(?:\.credential|\.pem|\.key|\.p12|\.pfx|\.jks|\.kdbx|\.env|id_(?:rsa|ed25519|ecdsa)|\.npmrc\.local)$/

/** Whether what was found in a file is on the list. */
function isAllowed(allowed: Allowed, file: string, text: string, value: string): boolean {
  if (allowed.file !== file) return false
  return 'whole' in allowed
    ? createHash('sha256').update(text, 'latin1').digest('hex').startsWith(allowed.whole)
    : allowed.values.some(beginning => value.startsWith(beginning))
}

test('no file of this repository holds a secret, but for published vectors that are listed with their reason', async () => {
  const { stdout } = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
  })
  const files = stdout.split('\0').filter(name => name !== '')
  assert.ok(files.includes('package.json'), 'git says which files there are')
  const needed = new Set<Allowed>()
  const found: string[] = []
  for (const file of files) {
    if (FILE_NAMES.test(file)) found.push(`${file}: a file of this name is a secret`)
    const text = await readFile(join(ROOT, file), 'latin1').catch(() => '')
    for (const { rule, line, value } of findSecrets(text)) {
      const allowed = ALLOWED.find(one => isAllowed(one, file, text, value))
      if (allowed) needed.add(allowed)
      else found.push(`${file}:${line}: ${rule}: ${value.slice(0, 12)}…`)
    }
  }
  assert.deepEqual(found, [])
  assert.deepEqual(
    ALLOWED.filter(allowed => !needed.has(allowed)),
    [],
    'whatever is on the list is there',
  )
})

test('each kind of secret is found where one is', () => {
  const key = randomBytes(32)
  const share = formatShare({
    environment: 'plant',
    gateway: 'gateway-1',
    generation: 1,
    threshold: 3,
    shares: 5,
    index: 2,
    splitting: '010203',
    keyId: '010203040506',
    value: key,
  })
  const letters = key
    .toString('hex')
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 36)
  const planted: readonly (readonly [rule: string, text: string])[] = [
    ['private key', ['-----BEGIN', 'PRIVATE KEY-----'].join(' ')],
    ['private key', ['-----BEGIN', 'OPENSSH', 'PRIVATE KEY-----'].join(' ')],
    ['age key', `AGE-SECRET-KEY-${1}${letters.toUpperCase()}`],
    ['escrow share', share],
    ['emergency sheet', formatSheet(key.subarray(0, 20), { environment: 'plant', gateway: 'gateway-1' })],
    ['cloud access key', `AK${'IA'}${letters.toUpperCase().slice(0, 16)}`],
    ['cloud API key', `AI${'za'}${letters.slice(0, 35)}`],
    ['repository token', `ghp${'_'}${letters}`],
    ['registry token', `npm${'_'}${letters}`],
    ['chat token', `xoxb${'-'}${letters}`],
    ['Vault token', `hvs${'.'}${letters}`],
    ['JSON web token', `${['eyJ', 'eyJ', ''].map(head => head + letters).join('.')}`],
    ['password in an address', `https://user:${letters}${'@'}host/`],
    ['bytes in hexadecimal', `key: ${key.toString('hex')}`],
    ['bytes in hexadecimal', `key: ${key.subarray(0, 16).toString('hex').toUpperCase()}`],
    ['bytes in base64', `{"secret":"${key.toString('base64url')}"}`],
    ['bytes in base64', `key = ${key.toString('base64')}`],
  ]
  for (const [rule, text] of planted)
    assert.ok(
      findSecrets(`first line\n${text}\n`).some(finding => finding.rule === rule && finding.line === 2),
      rule,
    )
})

test('prose, code, a keyid and a path are no secrets', () => {
  for (const text of [
    'hf1:demo/waterworks-1/1/20779/AAECAwQFBgcICQoL;sub=alice;role=operator',
    'test/agent/credential/escrow/shamir-vectors.json',
    "import { openTpmMasterKey } from '../../../../agent/credential/tpm/master-key.ts'",
    'https://www.rfc-editor.org/rfc/rfc9421#appendix-B.2.5',
    '0'.repeat(64),
    '----------------------------------------------------',
  ])
    assert.deepEqual(findSecrets(text), [], text)
})
