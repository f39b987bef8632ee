import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Gateway } from './gateway.ts'

test('where the disk does not take a latch, whoever trips and whoever resets is told so, and both act', async () => {
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
  await run('acknowledge', 'inlet-valve', '--credential', file)
  const reset = await run('reset', 'inlet-valve', '--credential', file)
  assert.match(
    reset.stdout,
    /inlet-valve: reset\..*\n.*\nBUT it would be tripped again after a power cut: EISDIR/,
  )
  assert.equal(reset.exitCode, 0)
})
