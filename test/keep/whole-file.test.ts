import assert from 'node:assert/strict'
import { link, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { replaceFile } from '../../keep/whole-file.ts'
import { temporaryFolder } from '../temporary-folder.ts'

test('a file is replaced whole: whoever has the old one open has all of it', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'file')
  await replaceFile(path, 'old', 0o644)
  const same = join(folder.path, 'the same file')
  await link(path, same)
  await replaceFile(path, 'new', 0o644)
  assert.equal(await readFile(path, 'utf8'), 'new')
  assert.equal(await readFile(same, 'utf8'), 'old')
  assert.deepEqual((await readdir(folder.path)).sort(), ['file', 'the same file'])
})

test('its mode is what was asked for, whatever the umask is and whatever a crash left behind', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'file')
  await writeFile(`${path}.new`, 'half of a longer text', { mode: 0o666 })
  const before = process.umask(0o077)
  try {
    await replaceFile(path, 'whole', 0o644)
  } finally {
    process.umask(before)
  }
  assert.equal((await stat(path)).mode & 0o777, 0o644)
  assert.equal(await readFile(path, 'utf8'), 'whole')
})

test('where nothing can be written the old one stands', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'file')
  await replaceFile(path, 'old', 0o600)
  await mkdir(`${path}.new`)
  await assert.rejects(replaceFile(path, 'new', 0o600), { code: 'EISDIR' })
  assert.equal(await readFile(path, 'utf8'), 'old')
})

test('a link that lies in the way is not followed; written for somebody else, it takes its place', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'file')
  const other = join(folder.path, 'another')
  await writeFile(other, 'theirs')
  await symlink(other, `${path}.new`)
  await assert.rejects(replaceFile(path, 'ours', 0o600), { code: 'ELOOP' })
  await replaceFile(path, Uint8Array.of(0x0a, 0xff), 0o600, await stat(other))
  assert.equal(await readFile(other, 'utf8'), 'theirs')
  assert.deepEqual([...(await readFile(path))], [0x0a, 0xff])
  assert.deepEqual((await readdir(folder.path)).sort(), ['another', 'file'])
})
