import assert from 'node:assert/strict'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { KEPT_VERSION, KeptFile, NewerKept } from '../../keep/kept-file.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const pathIn = (folder: { path: string }) => join(folder.path, 'state', 'numbers.json')
const numbers = (path: string) =>
  new KeptFile<readonly number[]>(path, json => (Array.isArray(json) ? (json as number[]) : undefined))

test('what is saved is loaded again, and the file is its owner’s alone', async () => {
  await using folder = await temporaryFolder()
  const path = pathIn(folder)
  assert.equal(await numbers(path).load(), undefined)
  await numbers(path).save([1, 2])
  assert.deepEqual(await numbers(path).load(), [1, 2])
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('of many saves at once the last one is what is kept, also of those that come in as another ends', async () => {
  await using folder = await temporaryFolder()
  const path = pathIn(folder)
  const file = numbers(path)
  for (let round = 0; round < 20; round += 1) {
    const first = file.save([round])
    const second = first.then(() => file.save([round, round]))
    await Promise.all([first, second, ...Array.from({ length: 5 }, () => file.save([round, round]))])
    assert.deepEqual(await numbers(path).load(), [round, round])
  }
})

test('a file that cannot be understood is not taken for nothing', async () => {
  await using folder = await temporaryFolder()
  const path = pathIn(folder)
  await numbers(path).save([])
  for (const text of [
    '',
    '{',
    '{}',
    'null',
    '{"version":0,"state":[]}',
    '{"version":1}',
    '{"version":"2"}',
  ]) {
    await writeFile(path, text)
    await assert.rejects(numbers(path).load(), SyntaxError, text)
  }
})

test('a file says its version first, where a shell script finds it', async () => {
  await using folder = await temporaryFolder()
  const path = pathIn(folder)
  await numbers(path).save([7])
  assert.equal(await readFile(path, 'utf8'), `{"version":${KEPT_VERSION},"state":[7]}`)
})

test('what a newer program wrote is refused as that; what was written before there were versions is read', async () => {
  await using folder = await temporaryFolder()
  const path = pathIn(folder)
  await numbers(path).save([])
  await writeFile(path, '[3]')
  assert.deepEqual(await numbers(path).load(), [3])
  await writeFile(path, `{"version":${KEPT_VERSION + 1},"state":[3]}`)
  await assert.rejects(numbers(path).load(), (error: Error) => {
    assert.match(error.message, /a newer holdfast wrote it/)
    return error instanceof NewerKept
  })
})

test('after a save that failed the next one is tried', async () => {
  await using folder = await temporaryFolder()
  const path = pathIn(folder)
  await writeFile(join(path, '..', '..', 'state'), 'a file where a folder should be')
  const file = numbers(path)
  await assert.rejects(file.save([1]))
  await assert.rejects(file.save([2]))
})

test('a disk that hangs is said in time, keeps nobody waiting, and has what was handed in last once it answers', async () => {
  await using folder = await temporaryFolder()
  const path = pathIn(folder)
  await numbers(path).save([1])
  // Opening a pipe to write waits until somebody opens it to read.
  await execa('mkfifo', [`${path}.new`])
  const patience = [new AbortController(), new AbortController()]
  let saves = 0
  const file = new KeptFile<readonly number[]>(
    path,
    json => json as number[],
    () => (patience[saves++] ?? new AbortController()).signal,
  )
  const [first, second] = [file.save([2]), file.save([3])]
  patience[0]?.abort()
  await assert.rejects(first, /the disk has not answered for 3 s/)
  patience[1]?.abort()
  await assert.rejects(second, /the disk has not answered for 3 s/)
  const third = assert.rejects(file.save([4]), { code: 'EINVAL' })
  // The pipe takes what is written first; that it cannot be synced is what the disk answers.
  await readFile(`${path}.new`)
  await third
  await rm(`${path}.new`)
  await file.save([5])
  assert.deepEqual(await numbers(path).load(), [5])
})
