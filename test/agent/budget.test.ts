import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Credential } from '../../model/credential.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

/** Five forgeries, aimed at the inlet valve. */
async function attack(gateway: Gateway, agent: RunningAgent, keyid: string): Promise<void> {
  const forger = gateway.client(agent.address, { keyid, secret: randomBytes(32).toString('base64url') })
  for (let count = 0; count < 5; count += 1) await forger.command('inlet-valve', 'open')
}

async function isOpen(gateway: Gateway, agent: RunningAgent, credential: Credential): Promise<boolean> {
  return (await gateway.client(agent.address, credential).status()).kind === 'answered'
}

test("an attack that has used up the day's trips closes its listener and moves nothing; it stays closed over a restart, until it is opened", async () => {
  await using gateway = await Gateway.start({
    unattributed: 'count',
    settings: [
      [['authentication_failures', 'trips_per_day'], 1],
      [['trip_groups'], {}],
    ],
  })
  const first = await gateway.startAgent()
  const { credential } = await gateway.issue('erika', 'engineer')
  const erika = gateway.client(first.address, credential)
  await attack(gateway, first, credential.keyid)
  await first.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
  await erika.acknowledge('inlet-valve')
  assert.equal((await erika.reset('inlet-valve')).kind, 'answered')
  assert.equal((await erika.command('inlet-valve', 'open')).kind, 'answered')

  const writes: unknown[] = []
  gateway.plant.onWrite(event => writes.push(event))
  await attack(gateway, first, credential.keyid)
  const alarm = await first.line(({ alarm }) => alarm === 'listener-closed')
  assert.match(String(alarm.msg), /plant-lan is closed: 5 refused requests .* trips of today are used up/)
  assert.equal(await isOpen(gateway, first, credential), false)
  assert.deepEqual(writes, [])
  assert.ok(gateway.plant.valve('inlet-valve').isOpen, 'the plant goes on')
  const local = gateway.client(gateway.operatorSocket, credential)
  assert.equal(
    (await local.command('inlet-valve', 'open')).kind,
    'answered',
    'on the gateway one can still command',
  )
  // What is closed is on the disk a moment later.
  const kept = async () => await readFile(join(gateway.folder, 'state', 'latches.json'), 'utf8')
  while (!/"closed":\{"plant-lan"/.test(await kept())) await local.status()
  await first.kill('SIGKILL')

  const second = await gateway.startAgent()
  await second.line(({ alarm }) => alarm === 'listener-closed')
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(stdout, /^closed: listener plant-lan: /m)
  const open = (...words: string[]) =>
    gateway.holdfast('listener', 'open', ...words, '--agent', gateway.adminSocket)
  assert.match((await open('moon')).stderr, /404 Not Found\nthere is no closed listener moon/)
  assert.match((await open('constructor')).stderr, /there is no closed listener constructor/)
  const opened = await open('plant-lan', '--reason', 'the source is found')
  assert.equal(opened.exitCode, 0, opened.stderr)
  assert.match((await open('plant-lan')).stderr, /there is no closed listener plant-lan/)
  const kinds = gateway.records().map(({ kind }) => kind)
  assert.ok(kinds.includes('listener-closed') && kinds.includes('listener-opened'))
  const record = gateway.records().find(({ kind }) => kind === 'listener-opened')
  assert.deepEqual([record?.outcome, typeof record?.latency_ms], ['accepted', 'number'])
})

test('a closed listener whose address somebody else has taken says so, and stays closed', async () => {
  // Taken up front, so that nobody else has it meanwhile.
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  await using gateway = await Gateway.start({
    unattributed: 'count',
    settings: [
      [['authentication_failures', 'trips_per_day'], 1],
      [['listeners', 0, 'tcp'], `127.0.0.1:${port}`],
      [['trip_groups'], {}],
    ],
  })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('erika', 'engineer')
  const erika = gateway.client(gateway.operatorSocket, credential)
  await attack(gateway, agent, credential.keyid)
  await agent.line(({ event }) => event === 'trip-safe')
  await erika.acknowledge('inlet-valve')
  await erika.reset('inlet-valve')
  await attack(gateway, agent, credential.keyid)
  await agent.line(({ alarm }) => alarm === 'listener-closed')
  const thief = createServer()
  const listen = async (): Promise<boolean> =>
    await new Promise(resolve => {
      thief.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
  while (!(await listen())) await erika.status()
  const answer = await gateway.client(gateway.adminSocket).openListener('plant-lan')
  assert.equal(answer.kind === 'problem' && answer.problem.code, 'listener-unusable')
  await new Promise(resolve => thief.close(resolve))
  assert.equal((await gateway.client(gateway.adminSocket).openListener('plant-lan')).kind, 'answered')
})

test('a trip by hand that the plant does not follow is no success, and says so', async () => {
  await using gateway = await Gateway.start({
    settings: [
      [['actuators', 'inlet-valve', 'travel_time'], '500ms'],
      [['trip_groups'], {}],
    ],
  })
  const agent = await gateway.startAgent()
  const { credential, file } = await gateway.issue('alice', 'operator')
  await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  await gateway.plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
  const words = ['trip', 'inlet-valve', '--agent', agent.address, '--credential', file]
  const { exitCode, stdout } = await gateway.holdfast(...words, '--json')
  assert.equal((JSON.parse(stdout) as { code: string }).code, 'trip-failed')
  assert.equal(exitCode, 4)
  await gateway.plant.faults.clear()
  await agent.line(({ event }) => event === 'trip-safe')
  assert.ok(gateway.plant.valve('inlet-valve').isClosed)
})
