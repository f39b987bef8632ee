import assert from 'node:assert/strict'
import { readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { NewFile, writeOnce } from '../../../agent/init/new-file.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

test('a file appears whole with its mode, leaves nothing beside it, and is never written over', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'f')
  assert.equal(await writeOnce(path, 'one', { mode: 0o640 }), 'written')
  assert.equal(await writeOnce(path, 'two', { mode: 0o600 }), 'kept')
  assert.equal(await readFile(path, 'utf8'), 'one')
  assert.equal((await stat(path)).mode & 0o777, 0o640)
  assert.deepEqual(await readdir(folder.path), ['f'])
})

test('one that was begun and not kept leaves nothing, and what an interrupted run left is in nobody’s way', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'f')
  await writeFile(`${path}.new`, 'left', { mode: 0o644 })
  {
    await using _file = await NewFile.begin(path, { mode: 0o600 })
    assert.equal((await stat(`${path}.new`)).mode & 0o777, 0o600)
  }
  assert.deepEqual(await readdir(folder.path), [])
})

test('whoever exchanges the draft for a link makes nobody write through it', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'f')
  const theirs = join(folder.path, 'theirs')
  await writeFile(theirs, 'theirs')
  await using file = await NewFile.begin(path, { mode: 0o600 })
  await rename(`${path}.new`, join(folder.path, 'away'))
  await symlink(theirs, `${path}.new`)
  await file.keep('secret')
  assert.equal(await readFile(theirs, 'utf8'), 'theirs')
})
