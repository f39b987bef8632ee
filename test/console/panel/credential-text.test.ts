import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readCredentialText } from '../../../console/panel/credential-text.ts'

const NOW = Date.parse('2026-01-31T12:00:00Z')
const END = NOW / 1000 + 3600
const SECRET = Buffer.alloc(32, 0xfb).toString('base64url')
const KEYID = `hf1:demo/waterworks-1/1/20779/AAECAwQFBgcICQoL;sub=alice;role=operator;exp=${END}`
const text = (members: object) => JSON.stringify({ keyid: KEYID, secret: SECRET, ...members })

test('a credential file is read: whose it is, for which gateway, and the earliest of its ends', () => {
  const given = readCredentialText(text({ keyid: `${KEYID};role=viewer;exp=${END - 60}` }), NOW)
  assert.ok(typeof given !== 'string')
  const { caveats, ...holder } = given.holder
  assert.equal(caveats.length, 5)
  assert.deepEqual(holder, {
    subject: 'alice',
    roles: ['operator', 'viewer'],
    environment: 'demo',
    gateway: 'waterworks-1',
    until: (END - 60) * 1000,
  })
  assert.deepEqual([...given.secret], Array(32).fill(0xfb))
})

describe('what is not a credential that can be used is refused, with what is wrong', () => {
  const rows: [what: string, given: string, says: RegExp][] = [
    ['nothing', '', /not JSON/],
    ['another JSON', '[1]', /not JSON with a keyid/],
    ['null', 'null', /not JSON with a keyid/],
    ['a keyid alone', JSON.stringify({ keyid: KEYID }), /not JSON with a keyid/],
    ['a malformed keyid', text({ keyid: 'hf2:x' }), /keyid is malformed/],
    ['a short secret', text({ secret: SECRET.slice(2) }), /not 32 bytes/],
    ['a secret in plain base64', text({ secret: Buffer.alloc(32, 0xfb).toString('base64') }), /not 32 bytes/],
    ['one without an end', text({ keyid: KEYID.replace(/;exp=.*/, '') }), /not whole/],
    ['one without a subject', text({ keyid: KEYID.replace(';sub=alice', '') }), /not whole/],
    [
      'one that has ended',
      text({ keyid: KEYID.replace(/exp=.*/, `exp=${NOW / 1000}`) }),
      /ended at 2026-01-31T12:00/,
    ],
  ]
  for (const [what, given, says] of rows)
    test(what, () => {
      const wrong = readCredentialText(given, NOW)
      assert.ok(typeof wrong === 'string')
      assert.match(wrong, says)
      assert.ok(!wrong.includes(SECRET.slice(0, 8)), 'it does not quote the secret')
    })

  test('any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), any => typeof readCredentialText(any, NOW) === 'string'),
    )
  })
})
