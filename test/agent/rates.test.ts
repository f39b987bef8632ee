import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { AgentClient, Answer } from '../../client/agent-client.ts'
import { Gateway } from './gateway.ts'

const ID = 'inlet-valve'
const ROUTES: readonly (readonly [route: string, ask: (client: AgentClient) => Promise<Answer>])[] = [
  ['commands', client => client.command(ID, 'open')],
  ['select', client => client.select(ID, 'open')],
  ['trip', client => client.trip(ID)],
  ['acknowledge', client => client.acknowledge(ID)],
  ['reset', client => client.reset(ID)],
  ['heartbeat', client => client.heartbeat(ID)],
  ['lockout', client => client.lockOut(ID, 'work on it', '1h')],
  ['unlock', client => client.unlock(ID)],
]

test('forgeries over the rate of their source trip nothing, whichever route of an actuator they take; a rightful trip passes', async () => {
  await using gateway = await Gateway.start({
    unattributed: 'count',
    settings: [[['listeners', 0, 'rate'], { requests: 2, per: '1h' }]],
  })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const forger = gateway.client(agent.address, {
    ...credential,
    secret: randomBytes(32).toString('base64url'),
  })
  const codes: string[] = []
  for (const [route, ask] of ROUTES) {
    for (let count = 0; count < 7; count += 1) {
      const answer = await ask(forger)
      codes.push(answer.kind === 'problem' ? answer.problem.code : `${route}: ${answer.kind}`)
    }
  }
  assert.deepEqual(codes.slice(0, 2), ['signature-invalid', 'signature-invalid'])
  assert.deepEqual(new Set(codes.slice(2)), new Set(['rate-exceeded']))
  assert.equal(
    agent.log.find(({ event }) => event === 'trip'),
    undefined,
  )
  assert.equal(
    gateway.records().find(({ kind }) => kind === 'trip'),
    undefined,
  )
  const tripped = await gateway.client(agent.address, credential).trip(ID)
  assert.equal(tripped.kind, 'answered', JSON.stringify(tripped))
})
