import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import type { AgentClient, Answer } from '../../client/agent-client.ts'
import { FailingDisk, noFailingDisk } from './failing-disk.ts'
import { Gateway, HOLDFAST, type LogLine, type RunningAgent } from './gateway.ts'

const HOLD_LOCKED = join(import.meta.dirname, 'programs', 'hold-locked.ts')

/** How an agent that runs loses its log for a while. */
interface Loss {
  readonly name: string
  readonly skip: string | false
  /** What it says of it. */
  readonly says: RegExp
  /** Makes ready what is needed: the words before an agent's, and how the log is taken away; that gives how it is given back. */
  prepare(gateway: Gateway): Promise<{
    readonly inside: readonly string[]
    take(agent: RunningAgent): Promise<() => Promise<unknown>>
  }>
}

/** Somebody else holds the log locked, for longer than the agent waits for a lock. */
const locked = (mode: 'IMMEDIATE' | 'EXCLUSIVE'): Loss => ({
  name: `somebody else holds it locked (BEGIN ${mode})`,
  skip: false,
  says: /another program .*holds (?:it|the audit log) locked/,
  prepare: async gateway => ({
    inside: [],
    take: async () => {
      const holder = spawn(process.execPath, [HOLD_LOCKED, gateway.auditLog, mode], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      await once(holder.stdout, 'data')
      return async () => {
        holder.stdin.end()
        const [code] = await once(holder, 'close')
        assert.equal(code, 0)
      }
    },
  }),
})

const LOSSES: readonly Loss[] = [
  {
    name: 'the kernel makes its disk read-only',
    skip: noFailingDisk(),
    says: /read-only|disk fails reads or writes/,
    prepare: async gateway => {
      const disk = await FailingDisk.make(gateway)
      return {
        inside: disk.inside,
        take: async agent => {
          disk.fail(agent)
          return async () => await disk.replace(agent)
        },
      }
    },
  },
  locked('IMMEDIATE'),
  locked('EXCLUSIVE'),
]

const isSafe = (id: string) => (line: LogLine) => line.event === 'trip-safe' && line.actuator === id
const bodyOf = (answer: Answer) =>
  (answer.kind === 'answered' ? answer.body : answer.kind === 'problem' ? answer.problem : {}) as Record<
    string,
    unknown
  >

for (const { name, skip, says, prepare } of LOSSES) {
  test(`while the agent runs and ${name}, nothing leaves its safe state, and towards safe and trips act; all of it is in the log when that is over, without a restart`, {
    skip,
  }, async () => {
    await using gateway = await Gateway.start({ unattributed: 'count', settings: [[['trip_groups'], {}]] })
    const { inside, take } = await prepare(gateway)
    const agent = await gateway.startAgent({}, inside)
    const { credential } = await gateway.issue('alice', 'operator')
    const erika = gateway.client(agent.address, (await gateway.issue('erika', 'engineer')).credential)
    const alice = gateway.client(agent.address, credential)
    assert.equal(bodyOf(await alice.command('inlet-valve', 'open')).recorded, true)

    const giveBack = await take(agent)
    const writes: string[] = []
    using _ = {
      [Symbol.dispose]: gateway.plant.onWrite(({ address, value }) => writes.push(`${address}=${value}`)),
    }
    // One that has to find it out, and one that is told at once.
    for (let count = 0; count < 2; count += 1) {
      const refused = bodyOf(await alice.command('coolant-pump', 'off'))
      assert.deepEqual([refused.code, refused.status], ['audit-unwritable', 503])
      assert.match(String(refused.detail), /^no record, no write: /)
    }
    assert.deepEqual(writes, [])
    const { msg } = await agent.line(({ alarm }) => alarm === 'audit-unwritable')
    assert.match(String(msg), says)
    const closed = bodyOf(await alice.command('inlet-valve', 'closed', 'in spite of the disk'))
    assert.deepEqual([closed.outcome, closed.recorded], ['verified', false])
    assert.ok(gateway.plant.valve('inlet-valve').isClosed)
    const forged = { keyid: credential.keyid, secret: randomBytes(32).toString('base64url') }
    const forger = gateway.client(agent.address, forged)
    for (let count = 0; count < 5; count += 1) await forger.command('inlet-valve', 'open')
    await agent.line(isSafe('inlet-valve'))
    assert.equal(bodyOf(await alice.trip('coolant-pump')).phase, 'tripped')
    assert.ok(gateway.plant.pump('coolant-pump').isRunning)
    const told = agent.log.flatMap(({ alarm, msg }) => (alarm === 'audit-unwritable' ? [String(msg)] : []))
    for (const text of told) assert.match(text, says, 'it says so as long as it lasts')

    await giveBack()
    await agent.line(({ cleared }) => cleared === 'audit-unwritable')
    await erika.acknowledge('coolant-pump')
    const reset = await erika.reset('coolant-pump')
    assert.equal(reset.kind, 'answered', JSON.stringify(reset))
    const off = bodyOf(await alice.command('coolant-pump', 'off'))
    assert.deepEqual([off.outcome, off.recorded], ['verified', true])

    const records = await recordsSeenBy(agent, gateway)
    const of = (command: unknown) =>
      records.flatMap(record => (record.command === command ? [[record.kind, record.reason]] : []))
    assert.deepEqual(of(closed.command), [
      ['command-intent', 'in spite of the disk'],
      ['command-outcome', 'in spite of the disk'],
    ])
    const tripped = records.flatMap(({ kind, actuator }) => (kind === 'trip' ? [actuator] : []))
    assert.deepEqual(tripped, ['inlet-valve', 'coolant-pump'])
    const by = records.find(({ kind }) => kind === 'trip-requested')
    assert.deepEqual([by?.actuator, by?.subject], ['coolant-pump', 'alice'])
    const denied = records.find(({ kind, code }) => kind === 'refusal' && code === 'audit-unwritable')
    assert.deepEqual([denied?.actuator, denied?.subject], ['coolant-pump', 'alice'])
    const gap = records.find(({ alarm }) => alarm === 'audit-gap')
    assert.ok(Number(gap?.refused) <= 1, 'at most the intent of the first: what it announced was not done')
    assert.deepEqual(gap?.dropped, {})
    assert.equal(await agent.kill('SIGTERM'), 0)
  })
}

/** What is in the log that an agent writes, which verifies: read by our programs where it is. */
async function recordsSeenBy(
  { pid }: RunningAgent,
  { auditLog }: Gateway,
): Promise<Record<string, unknown>[]> {
  const run = async (...words: string[]) => {
    const inside = ['--target', String(pid), '--mount', HOLDFAST, 'audit', ...words]
    const { exitCode, stdout, stderr } = await execa('nsenter', inside, { reject: false })
    assert.equal(exitCode, 0, stdout + stderr)
    return stdout
  }
  await run('verify', auditLog)
  const lines = (await run('query', auditLog, '--all', '--json')).split('\n')
  return lines.map(line => JSON.parse(line) as Record<string, unknown>)
}

/** What acts whether it is recorded or not: what is asked, what is answered meanwhile, and the record that it leaves. */
const DEEDS: readonly {
  readonly kind: string
  readonly about: Readonly<Record<string, unknown>>
  readonly answer: RegExp
  act(admin: AgentClient, engineer: AgentClient): Promise<Answer>
}[] = [
  {
    kind: 'lockout',
    about: { actuator: 'inlet-valve', subject: 'erika', reason: 'work on the pipe' },
    answer: /^it acts, and is not in the audit log: /,
    act: async (_, engineer) => await engineer.lockOut('inlet-valve', 'work on the pipe', '8h'),
  },
  {
    kind: 'revocation',
    about: { revoked: 'subject', subject: 'olga' },
    answer: /^it acts, and is not in the audit log: /,
    act: async admin => await admin.revoke({ subject: 'olga' }),
  },
  {
    kind: 'clock-accepted',
    about: { channel: 'admin' },
    answer: /^the time is accepted, and that is not in the audit log: /,
    act: async admin => await admin.acceptClock(),
  },
  {
    kind: 'key-rotated',
    about: { generation: 2 },
    answer: /^the key is rotated, and that is not in the audit log yet: /,
    act: async admin => await admin.rotate(),
  },
]

test('what acts in spite of a log that takes nothing is in it once, when that is over, with the time at which it was done: a lockout, a revocation, an accepted clock, a new key', async () => {
  await using gateway = await Gateway.start()
  const { take } = await locked('IMMEDIATE').prepare(gateway)
  const agent = await gateway.startAgent()
  const erika = gateway.client(agent.address, (await gateway.issue('erika', 'engineer')).credential)
  const admin = gateway.client(gateway.adminSocket)

  const giveBack = await take(agent)
  for (const { kind, answer, act } of DEEDS) {
    const { code, detail } = bodyOf(await act(admin, erika))
    assert.equal(code, 'audit-unwritable', kind)
    assert.match(String(detail), answer)
  }
  const over = new Date().toISOString()
  await giveBack()
  await agent.line(({ cleared }) => cleared === 'audit-unwritable')
  await gateway.issue('alice', 'operator')

  const records = gateway.records()
  for (const { kind, about } of DEEDS) {
    const found = records.filter(record => record.kind === kind)
    assert.equal(found.length, 1, kind)
    assert.deepEqual({ ...found[0], ...about }, found[0])
    assert.ok(String(found[0]?.time) < over, kind)
  }
  assert.equal(await agent.kill('SIGTERM'), 0)
})
