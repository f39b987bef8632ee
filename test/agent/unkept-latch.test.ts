import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Gateway } from './gateway.ts'

test('where the disk does not take a latch, whoever trips, acknowledges or resets is told so, and all of it acts', async () => {
  await using gateway = await Gateway.start()
  await gateway.startAgent()
  // What is written goes to this file first.
  await mkdir(join(gateway.folder, 'state', 'latches.json.new'))
  const run = async (...words: string[]) => await gateway.holdfast(...words, '--agent', gateway.adminSocket)
  const tripped = await run('trip', 'inlet-valve')
  assert.match(
    tripped.stdout,
    /tripped, and in its safe state.*\nBUT it would not be tripped any more after a power cut: EISDIR/,
  )
  assert.equal(tripped.exitCode, 0)
  const { file } = await gateway.issue('erika', 'engineer')
  const seen = await run('acknowledge', 'inlet-valve', '--credential', file)
  assert.match(seen.stdout, /Next, .*\nBUT it would have to be acknowledged again after a power cut: EISDIR/)
  assert.equal(seen.exitCode, 0)
  const reset = await run('reset', 'inlet-valve', '--credential', file)
  assert.match(
    reset.stdout,
    /inlet-valve: reset\..*\n.*\nBUT it would be tripped again after a power cut: EISDIR/,
  )
  assert.equal(reset.exitCode, 0)
})

test('a trip that the plant does not follow says, too, where the disk does not take its latch: in words, and to programs', async () => {
  await using gateway = await Gateway.start({
    settings: [
      [['actuators', 'inlet-valve', 'travel_time'], '500ms'],
      [['trip_groups'], {}],
    ],
  })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  await gateway.plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
  await mkdir(join(gateway.folder, 'state', 'latches.json.new'))
  const words = ['trip', 'inlet-valve', '--agent', gateway.adminSocket]
  const said = await gateway.holdfast(...words)
  assert.match(
    said.stderr,
    /told again and again\. BUT it would not be tripped any more after a power cut: EISDIR/,
  )
  assert.equal(said.exitCode, 4)
  const { stdout } = await gateway.holdfast(...words, '--json')
  const { code, unkept } = JSON.parse(stdout) as { code: string; unkept?: string }
  assert.equal(code, 'trip-failed')
  assert.match(unkept ?? '', /^EISDIR/)
  await gateway.plant.faults.clear()
  await agent.line(({ event }) => event === 'trip-safe')
})

test('where the disk does not take it, whoever lifts a suspension is told so, and it is lifted', async () => {
  await using gateway = await Gateway.start({ settings: [[['trip_groups'], {}]] })
  const agent = await gateway.startAgent()
  await mkdir(join(gateway.folder, 'state', 'latches.json.new'))
  const eve = await gateway.issue('eve', 'operator', '--actuator', 'coolant-pump')
  for (let count = 0; count < 5; count += 1)
    await gateway.client(agent.address, eve.credential).command('inlet-valve', 'open')
  await agent.line(({ alarm }) => alarm === 'identity-suspended')
  const words = ['suspension', 'lift', 'subject eve', '--agent', gateway.adminSocket]
  const lifted = await gateway.holdfast(...words)
  assert.match(
    lifted.stdout,
    /^subject eve may command again\.\nBUT it would be suspended again after a power cut: EISDIR/,
  )
  assert.equal(lifted.exitCode, 0)
  assert.match((await gateway.holdfast(...words)).stderr, /subject eve is not suspended/)
})
