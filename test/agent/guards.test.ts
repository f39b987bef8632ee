import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import { EXIT } from '../../model/exit.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

let gateway: Gateway
let agent: RunningAgent

before(async () => {
  gateway = await Gateway.start({
    settings: [
      [['actuators', 'inlet-valve', 'select_before_operate'], '30s'],
      [['actuators', 'coolant-pump', 'cycles_per_hour'], 2],
    ],
  })
  agent = await gateway.startAgent()
})
after(async () => await gateway[Symbol.asyncDispose]())

const at = (file: string): string[] => ['--agent', agent.address, '--credential', file]
const status = async () => (await gateway.holdfast('status', '--agent', gateway.operatorSocket)).stdout

test('an actuator that is selected first moves for the command that was selected, once; status shows the selection', async () => {
  const alice = await gateway.issue('alice', 'operator')
  const unselected = await gateway.holdfast('command', 'inlet-valve', 'open', ...at(alice.file))
  assert.equal(unselected.exitCode, 3)
  assert.match(unselected.stderr, /409 Conflict - Select Needed/)
  assert.match(unselected.stderr, /Next: select it: holdfast select inlet-valve open/)
  const selected = await gateway.holdfast('select', 'inlet-valve', 'open', ...at(alice.file))
  assert.equal(selected.exitCode, 0, selected.stderr)
  assert.match(selected.stdout, /open is selected until .*Z\. Nothing has moved/)
  assert.match(await status(), /open is selected by alice until .*Z/)
  const moved = await gateway.holdfast('command', 'inlet-valve', 'open', ...at(alice.file))
  assert.equal(moved.exitCode, 0, moved.stderr)
  assert.doesNotMatch(await status(), /is selected by/)
  const closed = await gateway.holdfast('command', 'inlet-valve', 'closed', ...at(alice.file))
  assert.equal(closed.exitCode, 0, closed.stderr)
})

test('`command --select` does both in one go, towards the safe state and where nothing is selected too', async () => {
  const alice = await gateway.issue('alice', 'operator')
  for (const [actuator, setpoint] of [
    ['inlet-valve', 'open'],
    ['inlet-valve', 'closed'],
    ['coolant-pump', 'on'],
  ] as const) {
    const done = await gateway.holdfast('command', actuator, setpoint, '--select', ...at(alice.file))
    assert.equal(done.exitCode, 0, done.stderr)
    assert.match(done.stdout, new RegExp(`${actuator}: ${setpoint}, verified`))
  }
  const refused = await gateway.holdfast('command', 'inlet-valve', 'sideways', '--select', ...at(alice.file))
  assert.equal(refused.exitCode, 3)
  assert.match(refused.stderr, /Unknown Setpoint/)
})

test('a lockout holds over a restart, is shown with what it does not do, and ends by its owner', async () => {
  const erika = await gateway.issue('erika', 'engineer')
  const until = ['--reason', 'new seal', '--until', '8h']
  const byOperator = await gateway.issue('alice', 'operator')
  const denied = await gateway.holdfast('lockout', 'set', 'coolant-pump', ...until, ...at(byOperator.file))
  assert.equal(denied.exitCode, 3)
  assert.match(denied.stderr, /403 Forbidden - Role/)
  const unclear = await gateway.holdfast(
    ...['lockout', 'set', 'coolant-pump', '--reason', 'new seal', '--until', 'tonight'],
    ...at(erika.file),
  )
  assert.equal(unclear.exitCode, 2)
  assert.match(unclear.stderr, /--until tonight: expected a duration such as 8h/)

  const set = await gateway.holdfast('lockout', 'set', 'coolant-pump', ...until, ...at(erika.file))
  assert.equal(set.exitCode, 0, set.stderr)
  assert.match(set.stdout, /LOCKED OUT by erika until .*Z: new seal\nNothing was moved\./)
  assert.match(
    set.stdout,
    /commands to on still act, and so do trips.*This is no isolation of energy: your padlock is\./,
  )
  await agent.kill('SIGKILL')
  agent = await gateway.startAgent()
  const table = await status()
  assert.match(table.split('\n')[0] ?? '', /, 1 LOCKED OUT/)
  assert.match(table, /^ +LOCKED OUT by erika until .*Z: new seal$/m)
  const client = gateway.client(agent.address, byOperator.credential)
  const refused = await client.command('coolant-pump', 'off')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'locked-out')
  assert.equal((await client.command('coolant-pump', 'on')).kind, 'answered')

  const removed = await gateway.holdfast('lockout', 'remove', 'coolant-pump', ...at(erika.file))
  assert.equal(removed.exitCode, 0, removed.stderr)
  assert.match(removed.stdout, /coolant-pump: the lockout by erika is ended\. Nothing was moved\./)
  assert.doesNotMatch(await status(), /LOCKED OUT/)
  assert.equal((await client.command('coolant-pump', 'off')).kind, 'answered')
  assert.equal((await client.command('coolant-pump', 'on')).kind, 'answered')
})

test('a pump that was switched as often as it may be in an hour is not switched again, over a restart too', async () => {
  const alice = await gateway.issue('alice', 'operator')
  const before = gateway.client(agent.address, alice.credential)
  assert.equal((await before.command('coolant-pump', 'off')).kind, 'answered')
  assert.equal((await before.command('coolant-pump', 'on')).kind, 'answered')
  await agent.kill('SIGKILL')
  agent = await gateway.startAgent()
  const refused = await gateway.holdfast('command', 'coolant-pump', 'off', ...at(alice.file))
  assert.equal(refused.exitCode, 3)
  assert.match(refused.stderr, /429 Too Many Requests - Too Soon/)
  assert.match(refused.stderr, /may leave its safe state 2 times in any 60 minutes, and has 2 times/)
  assert.match(refused.stderr, /Next: send it again in 3[0-9]{3} s\./)
  const towardsSafe = await gateway.holdfast('command', 'coolant-pump', 'on', ...at(alice.file))
  assert.equal(towardsSafe.exitCode, 0, towardsSafe.stderr)
})

test('a trip voids a selection and passes a lockout; a reset leaves the lockout standing', async () => {
  const alice = gateway.client(agent.address, (await gateway.issue('alice', 'operator')).credential)
  const erika = gateway.client(agent.address, (await gateway.issue('erika', 'engineer')).credential)
  assert.equal((await alice.select('inlet-valve', 'open')).kind, 'answered')
  assert.equal((await alice.command('inlet-valve', 'open')).kind, 'answered')
  assert.equal((await alice.select('inlet-valve', 'open')).kind, 'answered')
  assert.equal((await erika.lockOut('coolant-pump', 'new bearing', '1h')).kind, 'answered')
  const forger = gateway.client(gateway.operatorSocket, {
    keyid: (await gateway.issue('eve', 'operator')).credential.keyid,
    secret: randomBytes(32).toString('base64url'),
  })
  // A unix socket is a known channel: what is forged over it counts.
  for (let count = 0; count < 5; count += 1) await forger.command('inlet-valve', 'open')
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'coolant-pump')
  assert.equal((await erika.acknowledge('coolant-pump')).kind, 'answered')
  const pump = await erika.reset('coolant-pump')
  assert.equal(pump.kind, 'answered', JSON.stringify(pump))
  const refused = await alice.command('coolant-pump', 'off')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'locked-out')
  assert.doesNotMatch(await status(), /is selected by/)
})

test('a lockout file that cannot be understood, or locks out what there is not, keeps the agent from starting', async () => {
  await agent.kill('SIGTERM')
  const path = join(gateway.folder, 'state', 'lockouts.json')
  const kept = await readFile(path, 'utf8')
  for (const [text, said] of [
    ['[', /lockouts\.json cannot be read .*so nobody knows what is locked out/],
    [
      kept.replaceAll('coolant-pump', 'heating-pump'),
      /heating-pump is locked out by erika, and the configuration has no such actuator/,
    ],
  ] as const) {
    await writeFile(path, text)
    const { exitCode, stdout, stderr } = await gateway.holdfast('agent', '--config', gateway.config)
    assert.equal(exitCode, EXIT.untrusted, stdout)
    assert.match(stdout + stderr, said)
  }
})

test('every record of it is as the dictionary says', () => {
  const records = gateway.records()
  for (const record of records) assert.deepEqual(dictionaryFaults(record), [], JSON.stringify(record))
  const kinds = new Set(records.map(({ kind }) => kind))
  for (const kind of ['select', 'lockout', 'lockout-ended']) assert.ok(kinds.has(kind), kind)
})
