import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

let gateway: Gateway
let agent: RunningAgent

before(async () => {
  gateway = await Gateway.start({ unattributed: 'alarm' })
  agent = await gateway.startAgent()
})
after(async () => await gateway[Symbol.asyncDispose]())

interface Alarm {
  readonly id: number
  readonly alarm: string
  readonly state: string
  readonly severity: string
  readonly actuator?: string
  readonly acknowledged?: { readonly by: string }
}

const list = async (): Promise<Alarm[]> => {
  const { stdout } = await gateway.holdfast('alarms', '--agent', gateway.operatorSocket, '--json')
  return (JSON.parse(stdout) as { alarms: Alarm[] }).alarms
}
const find = async (name: string, actuator?: string): Promise<Alarm | undefined> =>
  (await list()).find(alarm => alarm.alarm === name && alarm.actuator === actuator)
const as = (file: string): string[] => ['--agent', agent.address, '--credential', file]

/** Sends a forged command: the listener knows nobody, so it raises an alarm and moves nothing. */
async function forge(): Promise<void> {
  const { credential } = await gateway.issue('eve', 'operator')
  const secret = randomBytes(32).toString('base64url')
  await gateway.client(agent.address, { keyid: credential.keyid, secret }).command('inlet-valve', 'open')
}

test('an alarm is shown with what to do, in the first line of status too, and latches until somebody acknowledges it', async () => {
  await forge()
  const { stdout } = await gateway.holdfast('alarms', '--agent', gateway.operatorSocket)
  assert.match(stdout, /^ +[0-9]+ {2}P2 {2}WARNING +latched +authentication-failures {2}inlet-valve/m)
  assert.match(stdout, /1 refused requests aimed at inlet-valve/)
  assert.match(stdout, /next: find out what is at the source address/)
  const status = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(status.stdout.split('\n')[0] ?? '', /, 1 ALARM \(1 NOT ACKNOWLEDGED\)/)

  const alice = await gateway.issue('alice', 'operator')
  const viewer = await gateway.issue('vera', 'viewer')
  const denied = await gateway.holdfast('alarm', 'acknowledge', 'authentication-failures', ...as(viewer.file))
  assert.equal(denied.exitCode, 3)
  assert.match(denied.stderr, /403 Forbidden - Role/)
  const unknown = await gateway.holdfast('alarm', 'acknowledge', '4711', ...as(alice.file))
  assert.equal(unknown.exitCode, 3)
  assert.match(unknown.stderr, /no alarm 4711 stands: it is over, or there was none of that id/)
  const done = await gateway.holdfast('alarm', 'acknowledge', 'authentication-failures', ...as(alice.file))
  assert.equal(done.exitCode, 0, done.stderr)
  assert.match(done.stdout, /authentication-failures inlet-valve: acknowledged by alice, and it is over/)
  assert.equal(await find('authentication-failures', 'inlet-valve'), undefined)
})

test("a trip's alarm goes with the trip: acknowledged together, over with the reset, and kept over a restart", async () => {
  const erika = await gateway.issue('erika', 'engineer')
  assert.equal((await gateway.holdfast('trip', 'coolant-pump', ...as(erika.file))).exitCode, 0)
  const raised = await find('trip', 'coolant-pump')
  assert.equal(raised?.state, 'unacknowledged')
  assert.equal(raised?.severity, 'critical')
  await agent.kill('SIGTERM')
  agent = await gateway.startAgent()
  assert.equal((await find('trip', 'coolant-pump'))?.id, raised?.id)

  const notShelved = await gateway.holdfast(
    ...['alarm', 'shelve', String(raised?.id), '--for', '1h', '--reason', 'loud'],
    ...as(erika.file),
  )
  assert.equal(notShelved.exitCode, 3)
  assert.match(notShelved.stderr, /409 Conflict - Critical Alarm/)
  const same = await gateway.client(agent.address, erika.credential).shelveAlarm('trip', '1h', 'loud')
  assert.equal(same.kind === 'problem' && same.problem.code, 'alarm-critical')

  const narrow = await gateway.issue('nils', 'operator', '--actuator', 'inlet-valve')
  const outside = gateway.client(agent.address, narrow.credential)
  const answer = await outside.acknowledgeAlarm(String(raised?.id))
  assert.equal(answer.kind === 'problem' && answer.problem.code, 'scope-denied')

  const acknowledged = await gateway.client(agent.address, erika.credential).acknowledgeAlarm('trip')
  assert.equal(acknowledged.kind, 'answered', JSON.stringify(acknowledged))
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(stdout, /acknowledged by erika at .*; next: holdfast reset coolant-pump/)
  assert.equal((await find('trip', 'coolant-pump'))?.acknowledged?.by, 'erika')
  for (const tripped of (await list()).filter(({ alarm }) => alarm === 'trip')) {
    const { exitCode, stderr } = await gateway.holdfast('reset', tripped.actuator ?? '', ...as(erika.file))
    assert.equal(exitCode, 0, stderr)
  }
  await agent.line(({ cleared, actuator }) => cleared === 'trip' && actuator === 'coolant-pump')
  assert.equal(await find('trip', 'coolant-pump'), undefined)
})

test('acknowledging a trip acknowledges its alarm', async () => {
  const erika = await gateway.issue('erika', 'engineer')
  assert.equal((await gateway.holdfast('trip', 'coolant-pump', ...as(erika.file))).exitCode, 0)
  assert.equal((await gateway.holdfast('acknowledge', 'coolant-pump', ...as(erika.file))).exitCode, 0)
  assert.equal((await find('trip', 'coolant-pump'))?.state, 'acknowledged')
})

test('a shelved alarm is out of sight and in the list, with who, why and until when; unshelving brings it back', async () => {
  await forge()
  const alice = await gateway.issue('alice', 'operator')
  const alarm = await find('authentication-failures', 'inlet-valve')
  const shelf = ['--for', '1h', '--reason', 'penetration test']
  const tooLong = await gateway
    .client(agent.address, alice.credential)
    .shelveAlarm(String(alarm?.id), '2d', 'x')
  assert.equal(tooLong.kind === 'problem' && tooLong.problem.code, 'body-malformed')
  const shelved = await gateway.holdfast('alarm', 'shelve', String(alarm?.id), ...shelf, ...as(alice.file))
  assert.equal(shelved.exitCode, 0, shelved.stderr)
  assert.match(shelved.stdout, /authentication-failures inlet-valve: shelved until .*Z/)
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.doesNotMatch(stdout, /authentication-failures/)
  const table = await gateway.holdfast('alarms', '--agent', gateway.operatorSocket)
  assert.match(table.stdout, /shelved by alice until .*Z: penetration test/)
  const back = await gateway.holdfast('alarm', 'unshelve', String(alarm?.id), ...as(alice.file))
  assert.match(back.stdout, /authentication-failures inlet-valve: not shelved; it is latched/)
})

test('an alarm that is not there is said so: over, not standing, or no alarm at all', async () => {
  const alice = await gateway.issue('alice', 'operator')
  const rows = [
    ['999', /no alarm 999 stands: it is over, or there was none of that id/],
    ['disk-space', /no alarm disk-space stands/],
    ['tripp', /there is no alarm named "tripp"/],
  ] as const
  for (const [which, words] of rows) {
    const { exitCode, stderr } = await gateway.holdfast('alarm', 'acknowledge', which, ...as(alice.file))
    assert.equal(exitCode, 3)
    assert.match(stderr, words)
    assert.match(stderr, /Next: `holdfast alarms` shows those that stand/)
  }
})

test('more than ten failed authentications in an hour raise their alarm', async () => {
  for (let count = 0; count < 9; count += 1) await forge()
  await agent.line(({ alarm }) => alarm === 'failed-authentications')
  const alarm = await find('failed-authentications')
  assert.deepEqual([alarm?.state, alarm?.severity], ['unacknowledged', 'warning'])
})

test('every record of it is as the dictionary says, and says who', async () => {
  await agent.kill('SIGTERM')
  const records = gateway.records()
  for (const record of records) assert.deepEqual(dictionaryFaults(record), [], JSON.stringify(record))
  const of = (kind: string) => records.filter(record => record.kind === kind)
  for (const kind of ['alarm', 'alarm-acknowledged', 'alarm-cleared', 'alarm-shelved', 'alarm-unshelved'])
    assert.ok(of(kind).length > 0, kind)
  assert.equal(of('alarm-shelved')[0]?.by, 'alice')
  assert.equal(of('alarm-shelved')[0]?.reason, 'penetration test')
  assert.equal(of('alarm-shelved')[0]?.source, '127.0.0.1')
  assert.equal(of('alarm')[0]?.severity, 'warning')
})
