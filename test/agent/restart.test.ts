import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import { signRequest } from '../../client/sign.ts'
import { Gateway } from './gateway.ts'

async function forgeFive(gateway: Gateway, address: string, keyid: string): Promise<void> {
  const forger = gateway.client(address, { keyid, secret: randomBytes(32).toString('base64url') })
  for (let count = 0; count < 5; count += 1) {
    const answer = await forger.command('inlet-valve', 'open')
    assert.equal(answer.kind === 'problem' && answer.problem.code, 'signature-invalid')
  }
}

test('five forgeries close the valve and switch the cooling on; the latch survives SIGKILL, and nothing moves at the restart', async () => {
  await using gateway = await Gateway.start({ unattributed: 'count' })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const opened = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  assert.equal(opened.kind, 'answered')
  const writes: { table: string; address: number; value: number }[] = []
  gateway.plant.onWrite(({ table, address, value }) => writes.push({ table, address, value }))
  await forgeFive(gateway, agent.address, credential.keyid)
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'coolant-pump')
  assert.deepEqual(writes, [
    { table: 'coil', address: 1, value: 1 },
    { table: 'coil', address: 0, value: 0 },
  ])
  assert.ok(gateway.plant.truth('inlet-valve.position') < 0.01)
  const evidence = await firstOutEvidence(gateway, 'inlet-valve')
  assert.deepEqual(
    [evidence.identity, evidence.count, evidence.sources],
    ['nobody known on listener plant-lan', 5, ['127.0.0.1']],
  )
  await agent.kill('SIGKILL')
  for (const actuator of ['inlet-valve', 'coolant-pump']) {
    const trip = gateway.records().find(record => record.kind === 'trip' && record.actuator === actuator)
    const { identity, count, sources, first, last } = trip ?? {}
    assert.deepEqual({ identity, count, sources, first, last }, evidence)
  }

  writes.length = 0
  const second = await gateway.startAgent()
  const refused = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'tripped')
  assert.match(refused.kind === 'problem' ? refused.problem.detail : '', /first-out: authentication-failures/)
  assert.deepEqual(writes, [], 'bumpless: the start wrote nothing')
  assert.deepEqual(await firstOutEvidence(gateway, 'inlet-valve'), evidence)

  const operator = await gateway.client(second.address, credential).reset('inlet-valve')
  assert.equal(operator.kind === 'problem' && operator.problem.code, 'role-denied')
  const engineer = gateway.client(second.address, (await gateway.issue('erika', 'engineer')).credential)
  await forgeFour(gateway, second.address, credential.keyid)
  const persists = await engineer.reset('inlet-valve')
  assert.equal(persists.kind === 'problem' && persists.problem.code, 'cause-persists')
  const unseen = await engineer.reset('coolant-pump', 'source found')
  assert.equal(unseen.kind === 'problem' && unseen.problem.code, 'not-acknowledged')
  assert.equal((await engineer.acknowledge('coolant-pump')).kind, 'answered')
  const pump = await engineer.reset('coolant-pump', 'source found')
  assert.equal(pump.kind, 'answered')
  assert.deepEqual(writes, [], 'a reset moves nothing')
  const verified = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.equal(verified.exitCode, 0, verified.stdout)
})

/** What `status --json` says of the evidence for an actuator's trip. */
async function firstOutEvidence(gateway: Gateway, actuator: string): Promise<Record<string, unknown>> {
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket, '--json')
  const { actuators } = JSON.parse(stdout) as {
    actuators: { id: string; first_out: { evidence: Record<string, unknown> } }[]
  }
  return actuators.find(({ id }) => id === actuator)?.first_out.evidence ?? {}
}

async function forgeFour(gateway: Gateway, address: string, keyid: string): Promise<void> {
  const forger = gateway.client(address, { keyid, secret: randomBytes(32).toString('base64url') })
  for (let count = 0; count < 4; count += 1) await forger.command('inlet-valve', 'open')
}

test('a command that was seen before a restart is a replay after it', async () => {
  await using gateway = await Gateway.start({ settings: [[['listeners', 0, 'tcp'], '127.0.0.1:0']] })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const body = Buffer.from('{"setpoint":"open"}')
  const path = '/v1/actuators/inlet-valve/commands'
  // Signed for a name instead of an address: the port is another one after the restart.
  const headers = signRequest({ method: 'POST', authority: 'waterworks', path, body }, credential, {
    created: Math.floor(Date.now() / 1000),
    nonce: randomBytes(16),
  })
  const send = async (address: string) => {
    const { request } = await import('node:http')
    const { hostname, port } = new URL(address)
    return await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const outgoing = request(
        {
          hostname,
          port,
          method: 'POST',
          path,
          headers: { ...headers, Host: 'waterworks', 'Content-Length': body.length },
        },
        incoming => {
          let text = ''
          incoming.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk
          })
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }))
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
  assert.equal((await send(agent.address)).status, 200)
  await agent.kill('SIGKILL')
  const second = await gateway.startAgent()
  const replayed = await send(second.address)
  assert.equal(replayed.status, 409)
  assert.match(replayed.text, /replayed/)
})

test('after the audit log was lost, what replays could misuse waits, and commands towards safe do not', async () => {
  await using gateway = await Gateway.start()
  const first = await gateway.startAgent()
  const { credential, file } = await gateway.issue('alice', 'operator')
  await first.kill('SIGTERM')
  for (const end of ['', '-wal', '-shm']) await rm(`${gateway.auditLog}${end}`, { force: true })
  const agent = await gateway.startAgent()
  const client = gateway.client(agent.address, credential)
  const open = await client.command('inlet-valve', 'open')
  assert.equal(open.kind === 'problem' && open.problem.code, 'replay-memory-lost')
  assert.equal((await client.command('inlet-valve', 'closed')).kind, 'answered')
  assert.ok(agent.log.some(({ alarm }) => alarm === 'audit-log-missing'))
  const attend = (...way: string[]) => gateway.holdfast('alarm', 'acknowledge', 'audit-log-missing', ...way)
  assert.match(
    (await attend('--agent', agent.address, '--credential', file)).stderr,
    /cannot be told from new ones/,
  )
  const seen = await client.acknowledge('inlet-valve')
  assert.equal(seen.kind === 'problem' && seen.problem.code, 'replay-memory-lost')
  assert.equal((await attend('--agent', gateway.adminSocket)).exitCode, 0, 'root needs no signature')
  await agent.kill('SIGKILL')
  const second = await gateway.startAgent()
  const still = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(
    still.kind === 'problem' && still.problem.code,
    'replay-memory-lost',
    'another start does not shorten the wait',
  )
})
