import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { chmod, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { EnvelopeKey } from '../../../agent/credential/envelope.ts'
import { readEnvelopeFile, writeEnvelopeFile } from '../../../agent/credential/envelope-file.ts'
import { ME, TestDirectory } from './file/directory.ts'

const SECRET = Buffer.from('break the glass')

describe('envelope file', () => {
  let directory: TestDirectory
  let key: EnvelopeKey
  before(async () => {
    directory = await TestDirectory.create()
    const master = {
      generation: 1,
      description: 'test (memory)',
      hmac: async (message: Uint8Array) => ({
        kind: 'mac' as const,
        mac: createHmac('sha256', 'master').update(message).digest(),
      }),
    }
    const context = { purpose: 'test', environment: 'demo', gateway: 'waterworks-1' }
    const derived = await EnvelopeKey.derive(master, context, AbortSignal.timeout(30_000))
    key = derived.kind === 'envelope-key' ? derived : assert.fail()
  })
  after(() => directory[Symbol.asyncDispose]())

  async function read(path: string): Promise<string> {
    const answer = await readEnvelopeFile(path, key, ME)
    if (answer.kind === 'opened') return Buffer.from(answer.secret).toString()
    return answer.kind === 'refused' ? answer.reason : answer.cause
  }

  it('gives back the secret, and is replaced as a whole', async () => {
    const path = directory.file('kept')
    for (const secret of ['first', 'second and longer']) {
      await writeEnvelopeFile(path, Buffer.from(secret), key, randomBytes)
      assert.equal(await read(path), secret)
    }
    assert.deepEqual(await readdir(directory.path), ['kept'])
  })

  it('is for its owner alone, whatever a crash left behind, and does not hold the secret in clear', async () => {
    const path = directory.file('private')
    await directory.write('private.new', 'left behind', 0o666)
    await writeEnvelopeFile(path, SECRET, key, randomBytes)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await readFile(path)).includes(SECRET), false)
  })

  it('is refused when others may read it, when it is a link, when it is changed, and when it is not there', async () => {
    const path = directory.file('touched')
    await writeEnvelopeFile(path, SECRET, key, randomBytes)
    await chmod(path, 0o640)
    assert.equal(await read(path), 'mode')
    await chmod(path, 0o600)
    await symlink(path, directory.file('link'))
    assert.equal(await read(directory.file('link')), 'link')
    await directory.write('touched', 'nonsense')
    assert.equal(await read(path), 'not-an-envelope')
    assert.equal(await read(directory.file('nothing')), 'missing')
  })

  it('does not write through a link that somebody laid in its way', async () => {
    const victim = await directory.write('victim', 'untouched')
    await symlink(victim, directory.file('trap.new'))
    await assert.rejects(writeEnvelopeFile(directory.file('trap'), SECRET, key, randomBytes), {
      code: 'ELOOP',
    })
    assert.equal(await readFile(victim, 'utf8'), 'untouched')
  })
})
