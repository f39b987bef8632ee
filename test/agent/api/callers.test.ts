import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Callers } from '../../../agent/api/callers.ts'
import type { Received } from '../../../agent/command/received.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { commandRig } from '../command/rig.ts'

const WAYS: readonly (readonly [way: string, ask: (callers: Callers, received: Received) => unknown])[] = [
  ['signer', (callers, received) => callers.signer(received)],
  ['administrator', (callers, received) => callers.administrator(received, 'reset')],
  ['stopper', (callers, received) => callers.stopper(received, 'trip')],
  ['reader', (callers, received) => callers.reader(received)],
]

async function callersRig() {
  const rig = await commandRig()
  const engineer = rig.issue([], 'engineer')
  const forged = { ...engineer, secret: Buffer.alloc(32).toString('base64url') }
  return { ...rig, callers: new Callers(rig.authenticator, rig.rates), engineer, forged }
}

function codeOf(answer: unknown): string {
  return answer instanceof Refused ? answer.refusal.code : 'let through'
}

for (const [way, ask] of WAYS) {
  test(`${way}: a forgery over its source's rate is told that, and is no evidence; one within it is`, async () => {
    await using rig = await callersRig()
    const told = (tooEarly: number) => {
      const answer = ask(rig.callers, { ...rig.sign(rig.forged), tooEarly })
      return answer instanceof Refused && [answer.refusal.code, answer.refusal.suspicion]
    }
    assert.deepEqual(told(500), ['rate-exceeded', 'none'])
    assert.deepEqual(told(0), ['signature-invalid', 'forged'])
  })

  test(`${way}: a right signature over its source's rate is refused, but where somebody stops something`, async () => {
    await using rig = await callersRig()
    const answer = ask(rig.callers, { ...rig.sign(rig.engineer), tooEarly: 500 })
    assert.equal(codeOf(answer), way === 'stopper' ? 'let through' : 'rate-exceeded')
  })
}

test('no rate stands between the admin socket, or a credential whose own rate is used up, and a trip', async () => {
  await using rig = await callersRig()
  const admin = {
    name: 'admin',
    identity: 'whoever may open admin',
    unattributed: 'count',
    admin: true,
  } as const
  const unsigned = { ...rig.sign(rig.forged), channel: admin, fields: new Map(), tooEarly: 500 }
  const rated = rig.issue([{ kind: 'rate', requests: 1, seconds: 60 }], 'engineer')
  for (let count = 0; count < 3; count += 1) {
    assert.equal(rig.callers.stopper(unsigned, 'trip'), undefined)
    assert.equal(codeOf(rig.callers.stopper(rig.sign(rated), 'trip')), 'let through')
  }
})
