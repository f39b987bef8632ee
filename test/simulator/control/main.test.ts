import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { HOLDFAST } from '../../agent/gateway.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { WATER_PLANT } from '../water-plant.ts'

test('a fault is set, shown and cleared from the command line while the plant runs', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'plant.yaml')
  await writeFile(file, stringify(WATER_PLANT, { aliasDuplicateObjects: false }))
  const plant = spawn(HOLDFAST, ['simulate', file, '--port', '0', '--control', '0', '--json'])
  const exited = once(plant, 'exit')
  await using stack = new AsyncDisposableStack()
  stack.defer(async () => {
    plant.kill()
    await exited
  })
  plant.stderr.pipe(process.stderr)
  const lines = createInterface({ input: plant.stdout })[Symbol.asyncIterator]()
  let address: string | undefined
  while (address === undefined) address = JSON.parse((await lines.next()).value ?? 'null').control
  const { port } = new URL(address)
  const fault = (...words: string[]) =>
    execa(HOLDFAST, ['fault', ...words, '--control', port], { reject: false, stdin: 'ignore' })

  assert.equal((await fault('list')).stdout, 'nothing is wrong')
  const set = await fault('set', 'stuck,element=inlet-valve')
  assert.deepEqual([set.exitCode, set.stdout], [0, 'stuck,element=inlet-valve: set'])
  await fault('set', 'write-ignored')
  assert.equal((await fault('list')).stdout, 'stuck,element=inlet-valve\nwrite-ignored')
  assert.deepEqual(JSON.parse((await fault('list', '--json')).stdout), {
    faults: [{ kind: 'stuck', element: 'inlet-valve' }, { kind: 'write-ignored' }],
  })
  assert.equal((await fault('clear', 'stuck')).stdout, 'stuck,element=inlet-valve: cleared')
  assert.equal((await fault('list')).stdout, 'write-ignored')
  assert.equal((await fault('clear')).stdout, 'write-ignored: cleared')
  assert.equal((await fault('clear')).stdout, 'nothing was wrong')
  assert.equal((await fault('list')).stdout, 'nothing is wrong')

  for (const [words, said] of [
    [['set', 'stuck,element=no-such-valve'], /no-such-valve/],
    [['set', 'broken'], /kind/],
    [['set', 'stuck,inlet-valve'], /expected key=value/],
    [['clear', 'broken'], /no fault is called broken/],
  ] as const) {
    const refused = await fault(...words)
    assert.equal(refused.exitCode, 2)
    assert.match(refused.stderr, said)
  }
})

test('where no plant answers that is said, with how to start one that does', async () => {
  const words = ['fault', 'list', '--control', '127.0.0.1:1']
  const { exitCode, stderr } = await execa(HOLDFAST, words, { reject: false, stdin: 'ignore' })
  assert.equal(exitCode, 5)
  assert.match(
    stderr,
    /no plant answers at 127\.0\.0\.1:1: .*\nStart it with: holdfast simulate PLANT --control 1/,
  )
})
