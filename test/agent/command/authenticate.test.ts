import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Authenticated, authenticate } from '../../../agent/command/authenticate.ts'
import type { Received } from '../../../agent/command/received.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { chainSecret } from '../../../agent/credential/chain.ts'
import { narrow } from '../../../client/narrow.ts'
import type { Credential } from '../../../model/credential.ts'
import type { RefusalCode } from '../../../model/refusal.ts'
import { commandRig, NOW, type SignOptions } from './rig.ts'

const SECONDS = NOW / 1000

function codeOf(result: Authenticated | Refused): RefusalCode | 'authenticated' {
  return result instanceof Refused ? result.refusal.code : 'authenticated'
}

/** The same request with one header field other than it was. */
function withField(received: Received, name: string, values: readonly string[]): Received {
  return { ...received, fields: new Map([...received.fields, [name, values]]) }
}

function fieldOf(received: Received, name: string): string {
  return received.fields.get(name)?.[0] ?? ''
}

test('a right signature is authenticated, with what the credential says', async () => {
  await using rig = await commandRig()
  const result = authenticate(rig.sign(rig.issue()), rig.authenticator)
  assert.ok(!(result instanceof Refused))
  assert.equal(result.claims.subject, 'alice')
  assert.deepEqual(result.claims.roles, ['operator'])
  assert.equal(result.claims.notAfter, SECONDS + 900)
})

/** What an attacker or a mistake does to a request: each has its own refusal. */
const BAD: readonly (readonly [what: string, spoil: (received: Received) => Received, code: RefusalCode])[] =
  [
    ['no signature', r => ({ ...r, fields: new Map() }), 'signature-missing'],
    ['a signature without its input', r => withField(r, 'signature-input', []), 'signature-malformed'],
    [
      'the signature field twice',
      r => withField(r, 'signature', Array(2).fill(fieldOf(r, 'signature'))),
      'signature-ambiguous',
    ],
    [
      'a second signature in the same field',
      r => withField(r, 'signature', [`${fieldOf(r, 'signature')}, b=:${'A'.repeat(43)}=:`]),
      'signature-ambiguous',
    ],
    [
      'a second input in the same field',
      r => withField(r, 'signature-input', [`${fieldOf(r, 'signature-input')}, b=("@method")`]),
      'signature-ambiguous',
    ],
    [
      'another component list',
      r => withField(r, 'signature-input', [fieldOf(r, 'signature-input').replace('"@query" ', '')]),
      'signature-malformed',
    ],
    [
      'another label',
      r => withField(r, 'signature', [fieldOf(r, 'signature').replace('hf=', 'gh=')]),
      'signature-malformed',
    ],
    ['a signature that is too short', r => withField(r, 'signature', ['hf=:AAAA:']), 'signature-malformed'],
    [
      'another algorithm',
      r => withField(r, 'signature-input', [fieldOf(r, 'signature-input').replace('hmac-sha256', 'none')]),
      'signature-malformed',
    ],
    ['no digest', r => withField(r, 'content-digest', []), 'digest-missing'],
    ['a digest of another kind', r => withField(r, 'content-digest', ['md5=:AAAA:']), 'digest-malformed'],
    [
      'two digests',
      r => withField(r, 'content-digest', Array(2).fill(fieldOf(r, 'content-digest'))),
      'digest-malformed',
    ],
    [
      'a keyid that is no credential',
      r => withField(r, 'signature-input', [fieldOf(r, 'signature-input').replace('hf1:', 'hf9:')]),
      'credential-malformed',
    ],
    [
      'a credential of another gateway',
      r => withField(r, 'signature-input', [fieldOf(r, 'signature-input').replace('test/g1', 'test/g2')]),
      'wrong-gateway',
    ],
    [
      'a credential of another environment',
      r => withField(r, 'signature-input', [fieldOf(r, 'signature-input').replace('test/g1', 'live/g1')]),
      'wrong-gateway',
    ],
    ['another body', r => ({ ...r, body: Buffer.from('{"setpoint":"closed"}') }), 'digest-mismatch'],
    [
      'another body with its own digest',
      r =>
        withField({ ...r, body: Buffer.alloc(0) }, 'content-digest', [
          'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
        ]),
      'signature-invalid',
    ],
    ['another path', r => ({ ...r, path: '/v1/actuators/pump/commands' }), 'signature-invalid'],
    ['another method', r => ({ ...r, method: 'PUT' }), 'signature-invalid'],
    ['another authority', r => ({ ...r, authority: 'gateway:8441' }), 'signature-invalid'],
    ['a query that was not signed', r => ({ ...r, query: '?force=1' }), 'signature-invalid'],
    [
      'a credential widened',
      r =>
        withField(r, 'signature-input', [
          fieldOf(r, 'signature-input').replace('role=operator', 'role=admin'),
        ]),
      'signature-invalid',
    ],
    [
      'a credential with a caveat cut off',
      r => withField(r, 'signature-input', [fieldOf(r, 'signature-input').replace(/;exp=[0-9]+/, '')]),
      'signature-invalid',
    ],
    [
      'a serial that was never issued',
      r =>
        withField(r, 'signature-input', [
          fieldOf(r, 'signature-input').replace(/[A-Za-z0-9_-]{16};sub/, 'AAAAAAAAAAAAAAAA;sub'),
        ]),
      'signature-invalid',
    ],
  ]

for (const [what, spoil, code] of BAD) {
  test(`${what}: ${code}`, async () => {
    await using rig = await commandRig()
    const result = authenticate(spoil(rig.sign(rig.issue())), rig.authenticator)
    assert.equal(codeOf(result), code)
    assert.equal(result instanceof Refused && result.who, undefined, 'nobody is named who has proved nothing')
  })
}

const TIMES: readonly (readonly [
  what: string,
  options: SignOptions,
  advance: number,
  code: RefusalCode | 'authenticated',
])[] = [
  ['300 s old', { created: SECONDS - 300 }, 0, 'authenticated'],
  ['301 s old', { created: SECONDS - 301 }, 0, 'clock-skewed'],
  ['300 s ahead', { created: SECONDS + 300 }, 0, 'authenticated'],
  ['301 s ahead', { created: SECONDS + 301 }, 0, 'clock-skewed'],
  ['in the last second of the credential', { created: SECONDS + 899 }, 899_999, 'authenticated'],
  ['at the moment the credential ends', { created: SECONDS + 900 }, 900_000, 'key-expired'],
  ['one epoch later', { created: SECONDS + 86_400 }, 86_400_000, 'key-expired'],
  ['two epochs later, its key gone', { created: SECONDS + 172_800 }, 172_800_000, 'key-expired'],
]

for (const [what, options, advance, code] of TIMES) {
  test(`a signature ${what}: ${code}`, async () => {
    await using rig = await commandRig()
    const credential = rig.issue()
    await rig.clock.advance(advance)
    await rig.keys.refresh(1000)
    assert.equal(codeOf(authenticate(rig.sign(credential, options), rig.authenticator)), code)
  })
}

test('a credential is not valid before its beginning', async () => {
  await using rig = await commandRig()
  const credential = rig.issue([{ kind: 'not-before', seconds: SECONDS + 60 }])
  assert.equal(codeOf(authenticate(rig.sign(credential), rig.authenticator)), 'key-not-yet-valid')
  await rig.clock.advance(60_000)
  assert.equal(codeOf(authenticate(rig.sign(credential), rig.authenticator)), 'authenticated')
})

test('a credential of the previous epoch still works; one of a later epoch does not yet', async () => {
  await using rig = await commandRig()
  await rig.clock.advance(12 * 3_600_000 - 60_000)
  const credential = rig.issue()
  await rig.clock.advance(120_000)
  await rig.keys.refresh(1000)
  assert.equal(codeOf(authenticate(rig.sign(credential), rig.authenticator)), 'authenticated')
  const [identifier = '', ...caveats] = credential.keyid.split(';')
  const later = identifier.replace(
    /\/([0-9]+)\/([^/]+)$/,
    (_, epoch: string, serial: string) => `/${Number(epoch) + 9}/${serial}`,
  )
  const forged: Credential = { keyid: [later, ...caveats].join(';'), secret: credential.secret }
  assert.equal(codeOf(authenticate(rig.sign(forged), rig.authenticator)), 'key-not-yet-valid')
})

test('the same signature is accepted once', async () => {
  await using rig = await commandRig()
  const received = rig.sign(rig.issue())
  assert.equal(codeOf(authenticate(received, rig.authenticator)), 'authenticated')
  assert.equal(codeOf(authenticate(received, rig.authenticator)), 'replayed')
  await rig.clock.advance(299_000)
  assert.equal(codeOf(authenticate(received, rig.authenticator)), 'replayed')
  await rig.clock.advance(2000)
  assert.equal(codeOf(authenticate(received, rig.authenticator)), 'clock-skewed')
})

test('without the master key nothing is believed, and it is said why', async () => {
  await using rig = await commandRig()
  const credential = rig.issue()
  rig.keys.wipe()
  rig.master.gone = true
  await rig.keys.refresh(1000)
  const result = authenticate(rig.sign(credential), rig.authenticator)
  assert.equal(codeOf(result), 'master-key-unavailable')
  assert.match(result instanceof Refused ? result.refusal.detail : '', /the TPM is gone/)
})

test('a copy of a request is a replay before it is anything else, whatever its credential says', async () => {
  await using rig = await commandRig()
  const { keyid, secret } = rig.issue()
  const next = chainSecret(Buffer.from(secret, 'base64url'), 'moon=full', []).toString('base64url')
  const received = rig.sign({ keyid: `${keyid};moon=full`, secret: next })
  assert.equal(codeOf(authenticate(received, rig.authenticator)), 'caveat-unknown')
  assert.equal(codeOf(authenticate(received, rig.authenticator)), 'replayed')
  await rig.clock.advance(400_000)
  assert.equal(codeOf(authenticate(received, rig.authenticator)), 'clock-skewed')
})

test('a caveat that is not understood does not hide whose credential it is', async () => {
  await using rig = await commandRig()
  const { keyid, secret } = rig.issue()
  const next = chainSecret(Buffer.from(secret, 'base64url'), 'x=y', []).toString('base64url')
  const result = authenticate(rig.sign({ keyid: `${keyid};x=y`, secret: next }), rig.authenticator)
  assert.equal(result instanceof Refused && result.who?.subject, 'alice')
})

test('a revoked credential is refused from the moment it is revoked: by its serial, its subject, or its time of issue', async () => {
  for (const kind of ['credential', 'subject', 'everybody'] as const) {
    await using rig = await commandRig()
    const credential = rig.issue()
    assert.equal(codeOf(authenticate(rig.sign(credential), rig.authenticator)), 'authenticated')
    const at = rig.clock.wall()
    const serial = credential.keyid.match(/([^/;]+);/)?.[1] ?? ''
    if (kind === 'credential') await rig.revocations.add({ kind, serial, at })
    if (kind === 'subject') await rig.revocations.add({ kind, subject: 'alice', issuedUntil: at, at })
    if (kind === 'everybody') await rig.revocations.add({ kind, issuedUntil: at, at })
    assert.equal(codeOf(authenticate(rig.sign(credential), rig.authenticator)), 'revoked', kind)
    const later = narrow(credential, [{ kind: 'not-before', seconds: SECONDS + 1 }])
    await rig.clock.advance(2000)
    assert.equal(
      codeOf(authenticate(rig.sign(later), rig.authenticator)),
      'revoked',
      'a later beginning does not help',
    )
    const other = rig.issue()
    assert.equal(
      codeOf(authenticate(rig.sign(other), rig.authenticator)),
      'authenticated',
      'what is issued later is good',
    )
  }
})

test('a caveat that is not known denies, though the signature is right', async () => {
  await using rig = await commandRig()
  const { keyid, secret } = rig.issue()
  const text = 'moon=full'
  const next = chainSecret(Buffer.from(secret, 'base64url'), text, []).toString('base64url')
  const result = authenticate(rig.sign({ keyid: `${keyid};${text}`, secret: next }), rig.authenticator)
  assert.equal(codeOf(result), 'caveat-unknown')
})

test('a credential of two subjects denies', async () => {
  await using rig = await commandRig()
  const both = narrow(rig.issue(), [{ kind: 'subject', subject: 'bob' }])
  assert.equal(codeOf(authenticate(rig.sign(both), rig.authenticator)), 'credential-incomplete')
})

test('a narrowed credential works, and its holder cannot get back to the wider one', async () => {
  await using rig = await commandRig()
  const wide = rig.issue()
  const narrowed = narrow(wide, [{ kind: 'not-after', seconds: SECONDS + 5 }])
  assert.equal(codeOf(authenticate(rig.sign(narrowed), rig.authenticator)), 'authenticated')
  const back: Credential = { keyid: wide.keyid, secret: narrowed.secret }
  assert.equal(codeOf(authenticate(rig.sign(back), rig.authenticator)), 'signature-invalid')
})

test('any bit flipped anywhere in what is signed or in the signature is refused', async () => {
  await using rig = await commandRig()
  const received = rig.sign(rig.issue())
  const places = [
    'method',
    'authority',
    'path',
    'query',
    'body',
    'signature',
    'signature-input',
    'content-digest',
  ] as const
  const flip = (text: string, at: number, bit: number): string => {
    const bytes = Buffer.from(text)
    const index = at % bytes.length
    bytes[index] = (bytes[index] ?? 0) ^ (1 << bit)
    return bytes.toString('latin1')
  }
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.nat(2000), fc.nat(6), (place, at, bit) => {
      let spoiled: Received
      if (place === 'body')
        spoiled = {
          ...received,
          body: Buffer.from(flip(Buffer.from(received.body).toString(), at, bit), 'latin1'),
        }
      else if (place === 'method' || place === 'authority' || place === 'path' || place === 'query') {
        spoiled = { ...received, [place]: flip(received[place], at, bit) }
      } else spoiled = withField(received, place, [flip(fieldOf(received, place), at, bit)])
      assert.notEqual(codeOf(authenticate(spoiled, rig.authenticator)), 'authenticated')
    }),
    { numRuns: 500 },
  )
  assert.equal(
    codeOf(authenticate(received, rig.authenticator)),
    'authenticated',
    'none of these has used the nonce up',
  )
})
