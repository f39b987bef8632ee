import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Gateway, type RunningAgent } from './gateway.ts'

// Thresholds that a healthy machine exceeds, so that what is measured here is the machine, and what is shown is the way to the alarm.

let gateway: Gateway
let agent: RunningAgent

before(async () => {
  gateway = await Gateway.start({
    settings: [
      [
        ['alarms'],
        { disk_free: { warn: 100, critical: 0.1 }, requests_per_credential: { warn: 5, critical: 1000 } },
      ],
      [['credentials', 'rotation_due'], '1ms'],
    ],
  })
  agent = await gateway.startAgent()
})
after(async () => await gateway[Symbol.asyncDispose]())

test('a disk with less free than the threshold is an alarm that says how much is', async () => {
  const line = await agent.line(({ alarm }) => alarm === 'disk-space')
  assert.equal(line.severity, 'warning')
  assert.match(String(line.msg), /^[0-9.]+ % \([0-9]+ MiB\) are free on the disk of .*state$/)
})

test('a credential that is used too often is an alarm that names it', async () => {
  const { credential } = await gateway.issue('alice', 'operator')
  const alice = gateway.client(agent.address, credential)
  for (let count = 0; count < 8; count += 1) await alice.alarms()
  const line = await agent.line(({ alarm }) => alarm === 'credential-overused')
  assert.equal(line.severity, 'warning')
  assert.match(String(line.credential), /^[0-9a-zA-Z_-]{8,}$/)
})

test('a master key that is older than it should get is an alarm that says what to do', async () => {
  const line = await agent.line(({ alarm }) => alarm === 'rotation-due')
  assert.equal(line.severity, 'warning')
  assert.match(String(line.msg), /old: holdfast key rotate$/)
})
