import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Gateway, type RunningAgent } from './gateway.ts'

let gateway: Gateway
let agent: RunningAgent

before(async () => {
  gateway = await Gateway.start({
    settings: [
      [
        ['roles', 'key-officer'],
        ['read', 'issue', 'command', 'trip', 'acknowledge'],
      ],
      [['roles', 'viewer'], []],
      [['actuators', 'inlet-valve', 'approvals'], 2],
    ],
  })
  agent = await gateway.startAgent()
})
after(async () => await gateway[Symbol.asyncDispose]())

const at = (file: string): string[] => ['--agent', agent.address, '--credential', file]

test('roles are as the configuration says, and `holdfast roles` shows them', async () => {
  const words = await gateway.holdfast('roles', '--agent', gateway.operatorSocket)
  assert.equal(words.exitCode, 0, words.stderr)
  assert.match(words.stdout, /^key-officer +read, issue, command, trip, acknowledge$/m)
  assert.match(words.stdout, /^viewer +nothing$/m)
  assert.match(
    words.stdout,
    /^admin +read, command, trip, acknowledge, reset, lockout, issue, revoke, rotate$/m,
  )
  const viewer = await gateway.issue('viv', 'viewer')
  const denied = await gateway.holdfast('status', ...at(viewer.file))
  assert.equal(denied.exitCode, 3)
  assert.match(denied.stderr, /403 Forbidden - Role/)
})

test('whoever may issue gives away no more than they have, and no role that there is not', async () => {
  const officer = await gateway.issue('olga', 'key-officer')
  const issue = (role: string) =>
    gateway.holdfast(
      'credential',
      'issue',
      '--agent',
      gateway.operatorSocket,
      '--credential',
      officer.file,
      '--subject',
      'otto',
      '--role',
      role,
      '--out',
      `otto-${role}.credential`,
      '--json',
    )
  const problemOf = (stdout: string) => JSON.parse(stdout) as { code: string; detail: string; remedy: string }
  const admin = await issue('admin')
  assert.equal(admin.exitCode, 3)
  assert.equal(problemOf(admin.stdout).code, 'role-denied')
  assert.match(problemOf(admin.stdout).detail, /may not: reset, lockout, revoke, rotate/)
  for (const role of ['wizard', 'break-glass']) {
    const unknown = problemOf((await issue(role)).stdout)
    assert.equal(unknown.code, 'body-malformed')
    assert.match(unknown.remedy, /there are: viewer, operator, engineer, admin, key-officer$/)
  }
  const operator = await issue('operator')
  assert.equal(operator.exitCode, 0, operator.stdout)
})

test('nobody is issued the name under which the log keeps what the emergency credential did', async () => {
  await assert.rejects(
    gateway.issue('Break-Glass', 'operator'),
    /400 Bad Request - Malformed Body\n.*subject: that name is the emergency credential's own/,
  )
})

test('an actuator that takes two people moves for the second, and status shows who waits', async () => {
  const alice = await gateway.issue('alice', 'operator')
  const bob = await gateway.issue('bob', 'operator')
  const first = await gateway.holdfast('command', 'inlet-valve', 'open', ...at(alice.file))
  assert.equal(first.exitCode, 3)
  assert.match(first.stderr, /409 Conflict - Approval Needed/)
  assert.match(first.stderr, /alice is the first to ask: set inlet-valve to open/)
  assert.match(first.stderr, /Next: somebody else sends the same within 5m/)
  const status = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(status.stdout, /waits for a second person until .*: command open, asked for by alice/)
  const second = await gateway.holdfast('command', 'inlet-valve', 'open', ...at(bob.file))
  assert.equal(second.exitCode, 0, second.stderr)
  const towardsSafe = await gateway.holdfast('command', 'inlet-valve', 'closed', ...at(alice.file))
  assert.equal(towardsSafe.exitCode, 0, towardsSafe.stderr)
  const records = gateway.records()
  assert.ok(records.some(({ kind, subject }) => kind === 'approval' && subject === 'alice'))
  assert.ok(records.some(({ kind, approved_by }) => kind === 'command-intent' && approved_by === 'alice'))
})
