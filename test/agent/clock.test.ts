import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAgentAddress } from '../../client/agent-client.ts'
import { signRequest } from '../../client/sign.ts'
import { Gateway } from './gateway.ts'

test('a clock that says a time that has been moves nothing away from safe until it is accepted; towards safe it does', async () => {
  await using gateway = await Gateway.start()
  const first = await gateway.startAgent()
  const alice = await gateway.issue('alice', 'operator')
  await first.kill('SIGTERM')
  const floor = Date.now() + 3_600_000
  await writeFile(join(gateway.folder, 'state', 'clock.json'), JSON.stringify({ floor }))

  const agent = await gateway.startAgent()
  await agent.line(({ alarm }) => alarm === 'clock-behind')
  // Whoever signs by the right time is early by an hour to this agent: a client that is as far off is answered.
  const client = gateway.client(agent.address, alice.credential, 3_600_000)
  const ask = async () => await client.command('inlet-valve', 'open')
  let open = await ask()
  // Around the change of an epoch the key of the one before is derived second, when the agent is ready already.
  while (open.kind === 'problem' && open.problem.code === 'master-key-unavailable') open = await ask()
  assert.equal(open.kind === 'problem' && open.problem.code, 'key-expired', JSON.stringify(open))
  const status = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(status.stdout, /TOWARDS SAFE ONLY/)
  assert.match(status.stdout, /^clock +NOT TRUSTED, .*holdfast clock accept/m)
  assert.match(status.stdout, /clock: the system clock says .*, and it has been .* already/)
  const issue = await gateway.holdfast(
    'credential',
    'issue',
    '--agent',
    gateway.adminSocket,
    '--subject',
    'bob',
    '--role',
    'operator',
    '--out',
    'bob.credential',
  )
  assert.equal(issue.exitCode, 3)
  assert.match(issue.stderr, /503 Service Unavailable - Clock/)

  const accepted = await gateway.holdfast('clock', 'accept', '--agent', gateway.adminSocket)
  assert.equal(accepted.exitCode, 0, accepted.stderr)
  assert.match(accepted.stdout, /^The agent takes .* for the time; its own was /)
  const again = await gateway.client(agent.address, alice.credential).command('inlet-valve', 'open')
  assert.equal(again.kind, 'answered', JSON.stringify(again))
  assert.ok(gateway.records().some(({ kind }) => kind === 'clock-accepted'))
  const { clock } = JSON.parse(
    (await gateway.holdfast('status', '--agent', gateway.operatorSocket, '--json')).stdout,
  ) as { clock: { state: string; skew_max_ms: number } }
  assert.deepEqual([clock.state, clock.skew_max_ms], ['agreed', 300_000])
})

test('a command of a time before the start is a replay too once the clock was set back to that time and accepted', async () => {
  await using gateway = await Gateway.start()
  const first = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const body = Buffer.from('{"setpoint":"open"}')
  const path = '/v1/actuators/inlet-valve/commands'
  // Dated ahead, so that the accepted time is still before it: a memory that began then would call it new.
  const headers = signRequest({ method: 'POST', authority: 'waterworks', path, body }, credential, {
    created: Math.floor(Date.now() / 1000) + 240,
    nonce: randomBytes(16),
  })
  const send = async (address: string) => {
    const agent = parseAgentAddress(address)
    assert.ok(agent?.kind === 'tcp')
    const { promise, resolve } = Promise.withResolvers<string>()
    request({ ...agent, path, method: 'POST', headers: { ...headers, Host: 'waterworks' } }, answer => {
      void answer.toArray().then(chunks => resolve(chunks.join('')))
    }).end(body)
    return JSON.parse(await promise) as { outcome: string; code?: string }
  }
  assert.equal((await send(first.address)).outcome, 'verified')
  await first.kill('SIGTERM')
  const floor = Date.now() + 3_600_000
  await writeFile(join(gateway.folder, 'state', 'clock.json'), JSON.stringify({ floor }))
  const agent = await gateway.startAgent()
  const accepted = await gateway.holdfast('clock', 'accept', '--agent', gateway.adminSocket)
  assert.equal(accepted.exitCode, 0, accepted.stderr)
  let again = await send(agent.address)
  while (again.code === 'master-key-unavailable') again = await send(agent.address)
  assert.equal(again.code, 'replayed')
})
