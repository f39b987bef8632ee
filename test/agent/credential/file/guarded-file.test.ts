import assert from 'node:assert/strict'
import { chmod, chown, mkdir, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { execa } from 'execa'
import { type GuardedFileFault, readGuardedFile } from '../../../../agent/credential/file/guarded-file.ts'
import { ME, TestDirectory } from './directory.ts'

const RULES = { user: ME, modeMax: 0o600, lengthMax: 8 }

async function read(path: string, rules: Partial<typeof RULES> = {}): Promise<string | GuardedFileFault> {
  const answer = await readGuardedFile(path, { ...RULES, ...rules })
  return answer.kind === 'fault' ? answer : Buffer.from(answer.bytes).toString('latin1')
}

function fault(cause: string, more = {}) {
  return { kind: 'fault', cause, ...more }
}

describe('guarded file', () => {
  let directory: TestDirectory
  before(async () => {
    directory = await TestDirectory.create()
  })
  after(() => directory[Symbol.asyncDispose]())

  it('is read byte for byte, up to its greatest length, and no further', async () => {
    for (const content of ['', 'a', '12345678', '\x00\n\xff'])
      assert.equal(await read(await directory.write('whole', Buffer.from(content, 'latin1'))), content)
    assert.deepEqual(await read(await directory.write('long', '123456789')), fault('too-long'))
  })

  it('is overwritten in memory when it is disposed of', async () => {
    const answer = await readGuardedFile(await directory.write('wiped', 'secret'), RULES)
    assert.equal(answer.kind, 'bytes')
    if (answer.kind !== 'bytes') return
    answer[Symbol.dispose]()
    assert.deepEqual([...answer.bytes], [0, 0, 0, 0, 0, 0])
  })

  it('may have every mode up to the greatest, and no bit beyond it', async () => {
    for (const mode of [0o600, 0o400])
      assert.equal(await read(await directory.write('mode', 'x', mode)), 'x', mode.toString(8))
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o700, 0o644, 0o666, 0o4600, 0o1600])
      assert.deepEqual(await read(await directory.write('mode', 'x', mode)), fault('mode', { mode }))
  })

  it('belongs to the user or to root, and so does its directory', async t => {
    if (ME !== 0) return t.skip('only root can give files away')
    const path = await directory.write('owned', 'x')
    assert.equal(await read(path, { user: 12345 }), 'x', 'root is trusted')
    await chown(path, 12345, 0)
    assert.equal(await read(path, { user: 12345 }), 'x', 'and so is the user')
    assert.deepEqual(await read(path, { user: 999 }), fault('owner', { owner: 12345 }))
    await chown(path, 0, 0)
    await mkdir(directory.file('theirs'))
    await directory.write('theirs/key', 'x')
    await chown(directory.file('theirs'), 12345, 0)
    assert.deepEqual(await read(directory.file('theirs/key')), fault('directory-owner', { owner: 12345 }))
  })

  it('is in a directory where nobody else can put files, sticky or not', async () => {
    await mkdir(directory.file('open'))
    const path = await directory.write('open/key', 'x')
    for (const mode of [0o777, 0o1777, 0o775, 0o702]) {
      await chmod(directory.file('open'), mode)
      assert.deepEqual(await read(path), fault('directory-mode', { mode }))
    }
    await chmod(directory.file('open'), 0o755)
    assert.equal(await read(path), 'x')
  })

  it('is a file and nothing that looks like one: no link, directory, pipe, socket or device', async () => {
    const target = await directory.write('target', 'x')
    await symlink(target, directory.file('link'))
    assert.deepEqual(await read(directory.file('link')), fault('link'))
    assert.deepEqual(await read(directory.path), fault('not-regular'))
    await execa('mkfifo', ['-m', '600', directory.file('pipe')])
    assert.deepEqual(
      await read(directory.file('pipe')),
      fault('not-regular'),
      'and does not wait for a writer',
    )
    assert.deepEqual(await read('/dev/zero'), fault('not-regular'))
    const server = createServer().listen(directory.file('socket'))
    await new Promise(resolve => server.once('listening', resolve))
    assert.deepEqual(await read(directory.file('socket')), fault('system', { code: 'ENXIO' }))
    server.close()
  })

  it('is `missing` when it is not there, and when its directory is none', async () => {
    assert.deepEqual(await read(directory.file('nothing')), fault('missing'))
    assert.deepEqual(await read(`${await directory.write('plain', 'x')}/key`), fault('missing'))
  })
})
