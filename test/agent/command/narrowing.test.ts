import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { authenticate } from '../../../agent/command/authenticate.ts'
import { authorizeActuator, authorizeRequest } from '../../../agent/command/authorize.ts'
import type { Channel } from '../../../agent/command/received.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { chainSecret } from '../../../agent/credential/chain.ts'
import { narrow } from '../../../client/narrow.ts'
import type { Caveat, Grant } from '../../../model/caveat.ts'
import type { Credential } from '../../../model/credential.ts'
import type { Permission } from '../../../model/role.ts'
import type { Setpoint } from '../../../model/setpoint.ts'
import { commandRig, LAN, NOW } from './rig.ts'

// Whoever holds a credential can append to it and thereby lose, and never gain: the promise that lets it be handed on.

const SECONDS = NOW / 1000
const SPIFFE = 'spiffe://plant/panel-1'
const SHA256 = 'ab'.repeat(32)

/** Values from a small world, so that what is asked often meets what was granted. */
const grant: fc.Arbitrary<Grant> = fc.record({
  pattern: fc.constantFrom('*', 'valve', 'pump-1', 'pump-*', '*-1', 'v*e', 'other'),
  setpoints: fc.oneof(
    fc.constant({ kind: 'any' } as const),
    fc
      .constantFrom(['open'], ['closed'], ['open', 'closed'])
      .map(names => ({ kind: 'names', names }) as const),
    fc
      .tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }))
      .map(([a, b]) => ({ kind: 'range', min: Math.min(a, b), max: Math.max(a, b) }) as const),
  ),
})
const seconds = fc.integer({ min: SECONDS - 1000, max: SECONDS + 1000 })
const caveat: fc.Arbitrary<Caveat> = fc.oneof(
  fc.constantFrom('alice', 'bob').map(subject => ({ kind: 'subject', subject }) as const),
  fc
    .constantFrom('viewer', 'operator', 'engineer', 'admin', 'nobody')
    .map(role => ({ kind: 'role', role }) as const),
  {
    weight: 3,
    arbitrary: fc
      .array(grant, { minLength: 1, maxLength: 3 })
      .map(grants => ({ kind: 'actuators', grants }) as const),
  },
  fc
    .subarray(['10.0.0.0/8', '10.1.2.0/24', '192.168.0.0/16', 'fd00::/8', 'local', '0.0.0.0/0'], {
      minLength: 1,
    })
    .map(networks => ({ kind: 'networks', networks }) as const),
  seconds.map(at => ({ kind: 'not-before', seconds: at }) as const),
  { weight: 2, arbitrary: seconds.map(at => ({ kind: 'not-after', seconds: at }) as const) },
  fc.constant({ kind: 'spiffe', id: SPIFFE } as const),
  fc.constant({ kind: 'certificate', sha256: SHA256 } as const),
  fc.constant({ kind: 'rate', requests: 1000, seconds: 1 } as const),
)

/** What somebody wants to do, from where. */
const wish = fc.record({
  permission: fc.constantFrom<Permission>('read', 'command', 'reset', 'issue'),
  actuator: fc.constantFrom('valve', 'pump-1', 'pump-2', 'v-1', 'other'),
  setpoint: fc.constantFrom<Setpoint | undefined>('open', 'closed', 0, 40, 100, undefined),
  source: fc.constantFrom('10.1.2.3', '10.9.9.9', '192.168.1.1', 'fd00::1', 'local', '203.0.113.9'),
  channel: fc.constantFrom<Channel>(LAN, {
    ...LAN,
    certificate: { sha256: SHA256, spiffe: SPIFFE, subject: 'panel-1' },
  }),
})

type Rig = Awaited<ReturnType<typeof commandRig>>
type Wish = typeof wish extends fc.Arbitrary<infer One> ? One : never

/** Whether a credential lets its holder do something: all the stages that ask the credential. */
function allows(
  rig: Rig,
  credential: Credential,
  { permission, actuator, setpoint, source, channel }: Wish,
): boolean {
  const authenticated = authenticate(rig.sign(credential, { source, channel }), rig.authenticator)
  if (authenticated instanceof Refused) return false
  if (rig.rates.check(authenticated)) return false
  return !(
    authorizeRequest(authenticated, permission) ?? authorizeActuator(authenticated, actuator, setpoint)
  )
}

test('whatever a longer chain of caveats allows, each shorter one of it allows too', async () => {
  await using rig = await commandRig()
  const allowed = { whole: 0, lost: 0 }
  fc.assert(
    fc.property(
      fc.constantFrom('viewer', 'operator', 'engineer', 'admin'),
      fc.array(caveat, { maxLength: 5 }),
      wish,
      (role, caveats, wished) => {
        const whole = rig.issue([], role)
        const chain = caveats.map((_, length) => narrow(whole, caveats.slice(0, length)))
        const answers = [...chain, narrow(whole, caveats)].map(credential => allows(rig, credential, wished))
        for (const [length, answer] of answers.entries())
          if (answer) assert.ok(answers[length - 1] ?? true, `caveat ${length} of ${caveats.length} widens`)
        if (answers.at(-1)) allowed.whole += 1
        else if (answers[0]) allowed.lost += 1
      },
    ),
    { numRuns: 2000, seed: 9421 },
  )
  assert.ok(allowed.whole > 100 && allowed.lost > 100, 'both happen, so the property says something')
})

test('a caveat that is not known denies everything, wherever in the chain it stands', async () => {
  await using rig = await commandRig()
  const anywhere = fc.tuple(fc.array(caveat, { maxLength: 3 }), fc.array(caveat, { maxLength: 3 }))
  const unknown = fc
    .stringMatching(/^[a-z]{1,8}=[!#-:<-[\]-~]{1,20}$/)
    .filter(text => !/^(?:sub|role|act|net|nbf|exp|tls|spiffe|rate)=/.test(text))
  fc.assert(
    fc.property(anywhere, unknown, wish, ([before, after], text, wished) => {
      const { keyid, secret } = narrow(rig.issue([], 'admin'), before)
      const key = chainSecret(Buffer.from(secret, 'base64url'), text, []).toString('base64url')
      const credential = narrow({ keyid: `${keyid};${text}`, secret: key }, after)
      assert.equal(allows(rig, credential, wished), false)
      const answer = authenticate(rig.sign(credential), rig.authenticator)
      assert.equal(answer instanceof Refused && answer.refusal.code, 'caveat-unknown')
    }),
    { numRuns: 500, seed: 9421 },
  )
})
