import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { chainSecret, epochMessage, hmacSha256 } from '../../agent/credential/chain.ts'
import { narrow } from '../../client/narrow.ts'
import { signRequest } from '../../client/sign.ts'
import { parseCaveat } from '../../model/caveat.ts'
import { parseKeyId } from '../../model/credential.ts'
import { signatureBase } from '../../model/signature.ts'

const page = readFileSync(new URL('../../docs/CREDENTIAL_FORMAT.md', import.meta.url), 'utf8')
const blocks = (page.split('## Worked bytes')[1] ?? '').split('```')
const [posted = '', got = ''] = [blocks[1], blocks[3]]

/** The value that stands behind a name in a block of worked bytes. */
function worked(block: string, name: string): string {
  const line = block.split('\n').find(one => one.startsWith(`${name} `))
  assert.ok(line, `the page has ${name}`)
  return line.slice(name.length).trim()
}

const keyid = worked(posted, 'Signature-Input').match(/keyid="([^"]+)"/)?.[1] ?? ''
const credential = { keyid, secret: worked(posted, 'secret') }
const nonce = Buffer.from(worked(posted, 'nonce bytes'), 'hex')
const created = 1795327893

test('the worked keys of docs/CREDENTIAL_FORMAT.md are what the agent derives', () => {
  const parsed = parseKeyId(keyid)
  assert.ok(parsed)
  const message = Buffer.from(epochMessage(parsed))
  assert.equal(message.toString('hex'), worked(posted, 'epoch message'))
  const epochKey = hmacSha256(Buffer.from(worked(posted, 'master key'), 'hex'), message)
  assert.equal(epochKey.toString('hex'), worked(posted, 'epoch key'))
  assert.equal(parsed.identifier, worked(posted, 'identifier'))
  assert.equal(chainSecret(epochKey, parsed.identifier, []).toString('hex'), worked(posted, 'K0'))
  for (const [index, caveat] of parsed.caveats.entries()) {
    const key = chainSecret(epochKey, parsed.identifier, parsed.caveats.slice(0, index + 1))
    assert.equal(key.toString('hex'), worked(posted, `K${index + 1} ${caveat}`))
  }
  assert.equal(
    chainSecret(epochKey, parsed.identifier, parsed.caveats).toString('base64url'),
    credential.secret,
  )
})

test('the worked POST of docs/CREDENTIAL_FORMAT.md is what the client signs', () => {
  const request = {
    method: 'POST',
    authority: '127.0.0.1:8440',
    path: '/v1/actuators/inlet-valve/commands',
    body: Buffer.from(worked(posted, 'body')),
  }
  const fields = signRequest(request, credential, { created, nonce })
  for (const [name, value] of Object.entries(fields)) assert.equal(value, worked(posted, name), name)
  const params = fields['Signature-Input'].slice('hf='.length)
  const base = signatureBase({ ...request, query: '?', contentDigest: fields['Content-Digest'] }, params)
  assert.equal(
    `${createHash('sha256').update(base).digest('hex')}   (${base.length} bytes)`,
    worked(posted, 'base, SHA-256'),
  )
})

test('the worked narrowing and GET of docs/CREDENTIAL_FORMAT.md are what the client makes', () => {
  const caveat = parseCaveat(worked(got, 'narrowed by'))
  assert.ok(caveat)
  const narrowed = narrow(credential, [caveat])
  assert.equal(narrowed.secret, worked(got, 'narrowed secret'))
  const fields = signRequest(
    { method: 'GET', authority: '[::1]:8440', path: '/v1/actuators', query: 'page=1' },
    narrowed,
    { created, nonce },
  )
  for (const [name, value] of Object.entries(fields)) assert.equal(value, worked(got, name), name)
})
