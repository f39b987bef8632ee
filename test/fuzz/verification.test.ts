import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Authenticated, authenticate } from '../../agent/command/authenticate.ts'
import { type Authorized, authorizeCommand } from '../../agent/command/authorize.ts'
import type { Received } from '../../agent/command/received.ts'
import { Refused } from '../../agent/command/refused.ts'
import { chainSecret } from '../../agent/credential/chain.ts'
import { parseCaveat } from '../../model/caveat.ts'
import { type Credential, parseKeyId } from '../../model/credential.ts'
import { problemOf } from '../../model/refusal.ts'
import { commandRig } from '../agent/command/rig.ts'
import { BODIES, CONTENT_DIGESTS, KEYIDS, SIGNATURE_INPUTS, SIGNATURES } from './corpus.ts'
import { effort } from './effort.ts'
import { type Edit, edited, edits } from './mutation.ts'

// Whole requests against the verification that the agent runs, in this process. Whatever is sent, the answer is a refusal
// or, where nothing that was signed has changed, an authentication; never an exception.

const FIELDS = ['signature-input', 'signature', 'content-digest'] as const
type Field = (typeof FIELDS)[number]
const TEXTS: Readonly<Record<Field | 'keyid' | 'body', readonly string[]>> = {
  'signature-input': [...SIGNATURE_INPUTS.read, ...SIGNATURE_INPUTS.refused],
  signature: [...SIGNATURES.read, ...SIGNATURES.refused],
  'content-digest': [...CONTENT_DIGESTS.read, ...CONTENT_DIGESTS.refused],
  keyid: [...KEYIDS.read, ...KEYIDS.refused],
  body: [...BODIES.read, ...BODIES.refused],
}

/** One thing that is done to a request. */
type Tampering =
  | {
      readonly part: 'method' | 'authority' | 'path' | 'query' | 'body' | Field
      readonly list: readonly Edit[]
    }
  /** Edits of the credential inside Signature-Input, or something else in its place. */
  | { readonly part: 'keyid'; readonly list: readonly Edit[]; readonly instead: string | undefined }
  | { readonly part: 'leave-out' | 'twice'; readonly field: Field }
  | { readonly part: 'another-value'; readonly field: Field; readonly value: string }

const tampering: fc.Arbitrary<Tampering> = fc.oneof(
  ...(['method', 'authority', 'path', 'query'] as const).map(part =>
    fc.record({ part: fc.constant(part), list: edits() }),
  ),
  ...(['body', ...FIELDS] as const).map(part =>
    fc.record({ part: fc.constant(part), list: edits(TEXTS[part]) }),
  ),
  fc.record({
    part: fc.constant('keyid' as const),
    list: edits(TEXTS.keyid),
    instead: fc.option(fc.constantFrom(...TEXTS.keyid), { nil: undefined }),
  }),
  fc.record({
    part: fc.constantFrom('leave-out' as const, 'twice' as const),
    field: fc.constantFrom(...FIELDS),
  }),
  ...FIELDS.map(field =>
    fc.record({
      part: fc.constant('another-value' as const),
      field: fc.constant(field),
      value: fc.constantFrom(...TEXTS[field]),
    }),
  ),
)

function tamper(received: Received, tampering: Tampering): Received {
  const { part } = tampering
  switch (part) {
    case 'method':
    case 'authority':
    case 'path':
    case 'query':
      return { ...received, [part]: edited(received[part], tampering.list) }
    case 'body': {
      const text = Buffer.from(received.body).toString('latin1')
      return { ...received, body: Buffer.from(edited(text, tampering.list), 'latin1') }
    }
    case 'keyid': {
      const keyid = keyIdOf(received)
      const other = edited(tampering.instead ?? keyid, tampering.list)
      // Not by a pattern: in a replacement `$&` would mean something.
      return withValues(received, 'signature-input', [
        fieldOf(received, 'signature-input').split(keyid).join(other),
      ])
    }
    case 'leave-out':
      return withValues(received, tampering.field, [])
    case 'twice':
      return withValues(received, tampering.field, Array(2).fill(fieldOf(received, tampering.field)))
    case 'another-value':
      return withValues(received, tampering.field, [tampering.value])
    case 'signature-input':
    case 'signature':
    case 'content-digest':
      return withValues(received, part, [edited(fieldOf(received, part), tampering.list)])
  }
}

function withValues(received: Received, field: Field, values: readonly string[]): Received {
  return { ...received, fields: new Map([...received.fields, [field, values]]) }
}

function fieldOf({ fields }: Received, field: Field): string {
  return fields.get(field)?.[0] ?? ''
}

function keyIdOf(received: Received): string {
  return /;keyid="([^"]*)"/.exec(fieldOf(received, 'signature-input'))?.[1] ?? ''
}

/** A request's bytes, and without the label: it is the same name in two fields, and no signature covers it. */
function bytesOf(
  { method, authority, path, query, body, fields }: Received,
  label: 'with' | 'without',
): string {
  const values = FIELDS.map(field =>
    (fields.get(field) ?? []).map(value =>
      label === 'with' || field === 'content-digest' ? value : value.replace(/^[^=]*=/, ''),
    ),
  )
  return JSON.stringify([method, authority, path, query, Buffer.from(body).toString('hex'), values])
}

/** A refusal as it goes to the sender and to the log; nothing of a secret is in it, in any of the usual ways to write one. */
function assertKeepsSecrets(refused: Refused, secrets: readonly Buffer[]): void {
  const said = JSON.stringify([problemOf(refused.refusal), refused.refusal, refused.who])
  for (const secret of secrets)
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const)
      assert.ok(!said.includes(secret.toString(encoding).slice(0, 16)), encoding)
}

type Rig = Awaited<ReturnType<typeof commandRig>>

function secretsOf(rig: Rig, credential: Credential): Buffer[] {
  const { generation, epoch } = parseKeyId(credential.keyid) ?? { generation: 0, epoch: 0 }
  const answer = rig.keys.keyFor(generation, epoch)
  assert.ok(answer.kind === 'key')
  return [Buffer.from(credential.secret, 'base64url'), Buffer.from(answer.key)]
}

/** What a tampered request may be refused as: the stages up to the signature, and nothing after it. */
const AS_FORGED: readonly string[] = [
  'signature-missing',
  'signature-ambiguous',
  'signature-malformed',
  'digest-missing',
  'digest-malformed',
  'credential-malformed',
  'wrong-gateway',
  'key-expired',
  'key-not-yet-valid',
  'digest-mismatch',
  'signature-invalid',
]

describe('a request that was tampered with', () => {
  test('is refused by name and without a secret, whatever was done; one that was not is authenticated', async () => {
    await using rig = await commandRig()
    const credential = rig.issue([{ kind: 'networks', networks: ['10.0.0.0/8'] }])
    const secrets = secretsOf(rig, credential)
    const seen = new Set<string>()
    let unchanged = 0
    fc.assert(
      fc.property(fc.array(tampering, { minLength: 1, maxLength: 3 }), list => {
        const received = rig.sign(credential)
        const tampered = list.reduce(tamper, received)
        const answer: Authenticated | Refused = authenticate(tampered, rig.authenticator)
        if (answer instanceof Refused) {
          assert.notEqual(bytesOf(tampered, 'with'), bytesOf(received, 'with'))
          assert.ok(AS_FORGED.includes(answer.refusal.code), answer.refusal.code)
          assert.equal(answer.who, undefined, 'nobody is named who has proved nothing')
          assertKeepsSecrets(answer, secrets)
          seen.add(answer.refusal.code)
        } else {
          assert.equal(bytesOf(tampered, 'without'), bytesOf(received, 'without'))
          unchanged += 1
        }
      }),
      effort(),
    )
    for (const code of [
      'signature-invalid',
      'signature-malformed',
      'credential-malformed',
      'digest-mismatch',
    ])
      assert.ok(seen.has(code), `the mutations reach ${code}`)
    assert.ok(unchanged > 0, 'some mutations change nothing')
  })
})

describe('a request that is signed rightly, with a credential or a body that is not right', () => {
  test('is authenticated only where every caveat is known and says the same thing, and is refused otherwise', async () => {
    await using rig = await commandRig()
    const wide = rig.issue()
    const secrets = secretsOf(rig, wide)
    const caveats = TEXTS.keyid.flatMap(text => text.split(';').slice(1))
    const held = fc
      .array(fc.tuple(fc.constantFrom(...caveats), fc.option(edits(caveats), { nil: [] })), { maxLength: 4 })
      .map(list => list.map(([text, by]) => edited(text, by)))
    const seen = new Set<string>()
    fc.assert(
      fc.property(held, added => {
        const credential = appended(wide, added)
        const answer = authenticate(rig.sign(credential), rig.authenticator)
        if (answer instanceof Refused) {
          seen.add(answer.refusal.code)
          assertKeepsSecrets(answer, [...secrets, Buffer.from(credential.secret, 'base64url')])
          return
        }
        const texts = added.flatMap(text => text.split(';'))
        assert.ok(texts.every(text => parseCaveat(text)))
        assert.equal(answer.claims.subject, 'alice')
        assert.equal(answer.claims.caveats.length, texts.length + parsedCaveats(wide))
      }),
      effort(),
    )
    for (const code of ['caveat-unknown', 'credential-incomplete', 'credential-malformed', 'key-expired'])
      assert.ok(seen.has(code), code)
  })

  test('becomes a command only where its body is one object with a setpoint that the actuator takes', async () => {
    await using rig = await commandRig()
    const credential = rig.issue()
    const secrets = secretsOf(rig, credential)
    const secret = credential.secret
    const outcomes = { authorized: 0, refused: 0 }
    fc.assert(
      fc.property(fc.constantFrom(...TEXTS.body, secret), edits([...TEXTS.body, secret]), (text, list) => {
        const body = edited(text, list)
        const authenticated = authenticate(rig.sign(credential, { body }), rig.authenticator)
        assert.ok(!(authenticated instanceof Refused))
        const answer: Authorized | Refused = authorizeCommand(authenticated, 'valve', rig.commands.actuators)
        if (answer instanceof Refused) {
          outcomes.refused += 1
          // Of JSON a refusal names the key or the setpoint that it does not know; of anything else it quotes nothing.
          if (!isJson(body)) assertKeepsSecrets(answer, secrets)
          return
        }
        outcomes.authorized += 1
        const { setpoint, ...more } = JSON.parse(body) as Record<string, unknown>
        assert.ok(setpoint === 'open' || setpoint === 'closed')
        assert.equal(answer.target.setpoint, setpoint)
        assert.deepEqual(
          Object.keys(more).filter(key => key !== 'reason'),
          [],
        )
      }),
      effort(),
    )
    assert.ok(outcomes.authorized > 0 && outcomes.refused > 0)
  })
})

/** A credential with texts appended to its keyid and to its chain, as its holder can. */
function appended({ keyid, secret }: Credential, texts: readonly string[]): Credential {
  const key = Buffer.from(secret, 'base64url')
  const [first, ...rest] = texts.flatMap(text => text.split(';'))
  const last = first === undefined ? key : chainSecret(key, first, rest)
  return { keyid: [keyid, ...texts].join(';'), secret: last.toString('base64url') }
}

function parsedCaveats({ keyid }: Credential): number {
  return keyid.split(';').length - 1
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
