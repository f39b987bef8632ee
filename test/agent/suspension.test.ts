import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Gateway } from './gateway.ts'

test('who goes beyond their scope five times is suspended: refused, shown, over a restart too; an engineer lifts it and it is in the log', async () => {
  await using gateway = await Gateway.start({ settings: [[['trip_groups'], {}]] })
  const first = await gateway.startAgent()
  const eve = await gateway.issue('eve', 'operator', '--actuator', 'coolant-pump')
  for (let count = 0; count < 5; count += 1)
    await gateway.client(first.address, eve.credential).command('inlet-valve', 'open')
  await first.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
  const off = async (address: string) => {
    const answer = await gateway.client(address, eve.credential).command('coolant-pump', 'off')
    return answer.kind === 'problem' ? answer.problem.code : answer.kind
  }
  assert.equal(await off(first.address), 'identity-suspended')
  await first.kill('SIGTERM')

  const second = await gateway.startAgent()
  assert.equal(await off(second.address), 'identity-suspended')
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(stdout, /^suspended: subject eve: 5 refused requests aimed at inlet-valve by subject eve/m)
  const own = await gateway.issue('eve', 'engineer')
  const lift = (...words: string[]) =>
    gateway.holdfast('suspension', 'lift', 'subject eve', '--agent', gateway.operatorSocket, ...words)
  assert.match((await lift('--credential', own.file)).stderr, /nobody lifts a suspension of their own/)
  const erika = await gateway.issue('erika', 'engineer')
  const lifted = await lift('--credential', erika.file, '--reason', 'a panel with an old scope')
  assert.equal(lifted.exitCode, 0, lifted.stderr)
  assert.match((await lift('--credential', erika.file)).stderr, /404 Not Found\nsubject eve is not suspended/)
  assert.notEqual(await off(second.address), 'identity-suspended')
  const record = gateway.records().find(({ kind }) => kind === 'suspension-lifted')
  assert.deepEqual(
    [record?.identity, record?.by, record?.reason, record?.outcome, typeof record?.latency_ms],
    ['subject eve', 'erika', 'a panel with an old scope', 'accepted', 'number'],
  )
  assert.deepEqual([record?.channel, record?.channel_identity], ['operators', 'whoever may open operators'])
  await second.kill('SIGTERM')
})

test('a trip by hand and an acknowledgement are recorded with who, how and why, also of an actuator that is tripped already', async () => {
  await using gateway = await Gateway.start({ settings: [[['trip_groups'], {}]] })
  const agent = await gateway.startAgent()
  const alice = gateway.client(agent.address, (await gateway.issue('alice', 'operator')).credential)
  const bob = gateway.client(agent.address, (await gateway.issue('bob', 'operator')).credential)
  await alice.trip('inlet-valve', 'a pipe has burst')
  await bob.trip('inlet-valve', 'water in the hall')
  await bob.acknowledge('inlet-valve')
  await agent.kill('SIGTERM')
  const said = gateway
    .records()
    .filter(({ kind }) => kind === 'trip-requested' || kind === 'acknowledgement')
    .map(({ kind, subject, reason, credential }) => [kind, subject, reason, typeof credential])
  assert.deepEqual(said, [
    ['trip-requested', 'alice', 'a pipe has burst', 'string'],
    ['trip-requested', 'bob', 'water in the hall', 'string'],
    ['acknowledgement', 'bob', undefined, 'string'],
  ])
})

test('evidence survives a SIGKILL: four failures before it and one after it are five', async () => {
  await using gateway = await Gateway.start({ unattributed: 'count', settings: [[['trip_groups'], {}]] })
  const first = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const forge = async (address: string) => {
    const secret = randomBytes(32).toString('base64url')
    await gateway.client(address, { keyid: credential.keyid, secret }).command('inlet-valve', 'open')
  }
  for (let count = 0; count < 4; count += 1) await forge(first.address)
  const level = async (): Promise<number | undefined> => {
    const text = await readFile(join(gateway.folder, 'state', 'latches.json'), 'utf8').catch(() => '{}')
    const { state } = JSON.parse(text) as { state?: { evidence: { buckets: { level: number }[] } } }
    return state?.evidence.buckets[0]?.level
  }
  const status = gateway.client(gateway.operatorSocket)
  while ((await level()) !== 4) await status.status()
  await first.kill('SIGKILL')
  const second = await gateway.startAgent()
  await forge(second.address)
  const trip = await second.line(({ event }) => event === 'trip')
  assert.match(
    String(trip.msg),
    /^5 refused requests aimed at inlet-valve by nobody known on listener plant-lan/,
  )
  await second.kill('SIGTERM')
})
