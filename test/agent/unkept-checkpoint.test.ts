import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { test } from 'node:test'
import { Gateway, type RunningAgent } from './gateway.ts'

const keptOf = (gateway: Gateway) => `${gateway.auditLog}-checkpoint`
/** What is kept is written here first. */
const draftOf = (gateway: Gateway) => `${keptOf(gateway)}.new`
const alarmsOf = ({ log }: RunningAgent) => log.flatMap(({ alarm }) => (alarm === undefined ? [] : [alarm]))

async function verifies(gateway: Gateway): Promise<void> {
  const { exitCode, stdout } = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.equal(exitCode, 0, stdout)
}

test('a checkpoint that the disk does not keep is an alarm until it does, and the log verifies all the while', async () => {
  await using gateway = await Gateway.start()
  const before = readFileSync(keptOf(gateway), 'utf8')
  mkdirSync(draftOf(gateway))
  const agent = await gateway.startAgent()
  const { detail, msg } = await agent.line(({ alarm }) => alarm === 'audit-checkpoint-unkept')
  assert.match(String(detail ?? msg), /audit\.db-checkpoint: EISDIR/)
  assert.equal(readFileSync(keptOf(gateway), 'utf8'), before)
  await verifies(gateway)

  rmdirSync(draftOf(gateway))
  await agent.line(({ cleared }) => cleared === 'audit-checkpoint-unkept')
  assert.notEqual(readFileSync(keptOf(gateway), 'utf8'), before)
  assert.equal(await agent.kill('SIGTERM'), 0)
  assert.deepEqual(alarmsOf(agent), ['audit-checkpoint-unkept'], 'it is told once')
  await verifies(gateway)
})

test('an agent that is killed while its checkpoint is not kept starts on the older one, with no doubt about its log', async () => {
  await using gateway = await Gateway.start()
  const before = readFileSync(keptOf(gateway), 'utf8')
  mkdirSync(draftOf(gateway))
  const killed = await gateway.startAgent()
  await killed.line(({ alarm }) => alarm === 'audit-checkpoint-unkept')
  await killed.kill('SIGKILL')
  rmdirSync(draftOf(gateway))
  assert.equal(readFileSync(keptOf(gateway), 'utf8'), before)

  const agent = await gateway.startAgent()
  while (readFileSync(keptOf(gateway), 'utf8') === before) await fetch(`${agent.address}/healthz`)
  assert.equal(await agent.kill('SIGTERM'), 0)
  // The alarm of the run before stands for two minutes, and then is over by itself.
  const others = alarmsOf(agent).filter(alarm => alarm !== 'audit-checkpoint-unkept')
  assert.deepEqual(others, [])
  await verifies(gateway)
})
