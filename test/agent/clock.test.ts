import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
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
  const open = await client.command('inlet-valve', 'open')
  assert.equal(open.kind === 'problem' && open.problem.code, 'key-expired', JSON.stringify(open))
  const status = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(status.stdout, /TOWARDS SAFE ONLY/)
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
