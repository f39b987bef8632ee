import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

let gateway: Gateway
let agent: RunningAgent

before(async () => {
  gateway = await Gateway.start({
    settings: [[['actuators', 'inlet-valve', 'select_before_operate'], '30s']],
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

test('every record of it is as the dictionary says', () => {
  const records = gateway.records()
  for (const record of records) assert.deepEqual(dictionaryFaults(record), [], JSON.stringify(record))
  const kinds = new Set(records.map(({ kind }) => kind))
  for (const kind of ['select']) assert.ok(kinds.has(kind), kind)
})
