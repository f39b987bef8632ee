import assert from 'node:assert/strict'
import { test } from 'node:test'
import { execa } from 'execa'
import { Gateway, type LogLine, type RunningAgent } from './gateway.ts'

const tpm2 = async (gateway: Gateway, tool: string, ...words: string[]): Promise<void> => {
  await execa(tool, words, { env: { TPM2TOOLS_TCTI: gateway.tpm.tcti } })
}

const isTrouble = (line: LogLine): boolean => line.alarm === 'master-key-unavailable'

/** The agent runs, says what is wrong, and moves nothing away from safe. */
async function assertTowardsSafeOnly(
  gateway: Gateway,
  agent: RunningAgent,
  reason: string,
  words: RegExp,
): Promise<void> {
  const alarm = await agent.line(isTrouble)
  assert.equal(alarm.reason, reason)
  assert.match(String(alarm.msg), words)
  const ready = await fetch(`${agent.address}/readyz`)
  assert.equal(ready.status, 503)
  assert.match(await ready.text(), words)
  assert.equal((await fetch(`${agent.address}/healthz`)).status, 200)
  const status = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.equal(status.exitCode, 0, status.stderr)
  assert.match(status.stdout, /NO NEW SIGNATURES CAN BE CHECKED/)
  assert.match(status.stdout, words)
}

test('with the TPM absent the agent starts, says so and drives nothing; when the TPM comes back it heals by itself', async () => {
  await using gateway = await Gateway.start()
  const writes: unknown[] = []
  gateway.plant.onWrite(event => writes.push(event))
  const first = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  await first.kill('SIGTERM')
  await gateway.tpm.stop()

  const agent = await gateway.startAgent()
  await assertTowardsSafeOnly(gateway, agent, 'absent', /TPM/)
  const answer = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  assert.equal(answer.kind === 'problem' && answer.problem.code, 'master-key-unavailable')
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
    '-',
  )
  assert.equal(issue.exitCode, 3)
  assert.match(issue.stderr, /Master Key/)
  assert.deepEqual(writes, [])

  await gateway.tpm.restart()
  await agent.line(({ msg }) => msg === 'the master key can be used again')
  const again = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  assert.equal(again.kind, 'answered')
})

test('with the PCRs changed the agent starts, says that the policy does not hold and drives nothing', async () => {
  await using gateway = await Gateway.start()
  const writes: unknown[] = []
  gateway.plant.onWrite(event => writes.push(event))
  await tpm2(gateway, 'tpm2_pcrextend', `7:sha256=${'11'.repeat(32)}`)
  const agent = await gateway.startAgent()
  await assertTowardsSafeOnly(gateway, agent, 'policy', /PCR|measured|state/i)
  assert.deepEqual(writes, [])
})

test('a gateway that was never enrolled starts, says what to do and drives nothing', async () => {
  await using gateway = await Gateway.start({ enrolled: false })
  const agent = await gateway.startAgent()
  await assertTowardsSafeOnly(gateway, agent, 'not-enrolled', /enroll/)
})

test('a TPM in dictionary-attack lock-out still serves the master key, which is outside of it', async () => {
  await using gateway = await Gateway.start()
  await tpm2(
    gateway,
    'tpm2_dictionarylockout',
    '--setup-parameters',
    '--max-tries=1',
    '--recovery-time=86400',
    '--lockout-recovery-time=86400',
  )
  await tpm2(
    gateway,
    'tpm2_createprimary',
    '-C',
    'o',
    '-p',
    'right',
    '-G',
    'ecc',
    '-c',
    `${gateway.folder}/locked.ctx`,
  )
  await tpm2(
    gateway,
    'tpm2_create',
    '-C',
    `${gateway.folder}/locked.ctx`,
    '-P',
    'wrong',
    '-u',
    `${gateway.folder}/u`,
    '-r',
    `${gateway.folder}/r`,
  ).catch(() => {})
  await tpm2(gateway, 'tpm2_flushcontext', '-t')
  const agent = await gateway.startAgent()
  assert.equal((await fetch(`${agent.address}/readyz`)).status, 200)
  const { credential } = await gateway.issue('alice', 'operator')
  assert.equal(
    (await gateway.client(agent.address, credential).command('inlet-valve', 'open')).kind,
    'answered',
  )
})
