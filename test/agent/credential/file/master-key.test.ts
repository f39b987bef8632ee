import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { readFile, rename } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { FileMasterKey } from '../../../../agent/credential/file/master-key.ts'
import {
  assertSilent,
  type MasterKeySource,
  masterKeyContract,
  rekeyContract,
} from '../master-key.contract.ts'
import { keyText, ME, TestDirectory } from './directory.ts'

const provide = async (): Promise<Required<MasterKeySource>> => {
  const directory = await TestDirectory.create()
  const secret = randomBytes(32)
  const path = await directory.write('master.key', keyText(secret))
  return {
    master: new FileMasterKey({ path, generation: 1, user: ME }),
    secret,
    away: 'absent',
    takeAway: () => rename(path, `${path}.away`),
    bringBack: () => rename(`${path}.away`, path),
    rekey: async key => {
      await directory.write('master.key', keyText(key))
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

masterKeyContract('a file', provide)
rekeyContract('a file', provide)

describe('file master key', () => {
  let directory: TestDirectory
  before(async () => {
    directory = await TestDirectory.create()
  })
  after(() => directory[Symbol.asyncDispose]())

  function masterAt(path: string): FileMasterKey {
    return new FileMasterKey({ path, generation: 1, user: ME })
  }

  async function ask(master: FileMasterKey) {
    return await master.hmac(Buffer.from('message'), AbortSignal.timeout(30_000))
  }

  it('warns at every start that the key lies on the disk, and says where', () => {
    const [warning, ...more] = masterAt('/etc/holdfast/master.key').warnings
    assert.match(warning ?? '', /unencrypted on the disk.*\/etc\/holdfast\/master\.key/)
    assert.deepEqual(more, [])
  })

  it('uses the key that is in the file now', async () => {
    const master = masterAt(directory.file('changing'))
    for (const key of [randomBytes(32), randomBytes(32)]) {
      await directory.write('changing', keyText(key))
      const answer = await ask(master)
      const mac = createHmac('sha256', key).update('message').digest()
      assert.deepEqual(answer, { kind: 'mac', mac })
    }
  })

  it('refuses a file that others may read, and says how to put that right', async () => {
    const path = await directory.write('exposed', keyText(randomBytes(32)), 0o644)
    assert.deepEqual(await ask(masterAt(path)), {
      kind: 'unavailable',
      reason: 'failed',
      detail: `the key file ${path} has mode 0644: too many may use it`,
      remedy: `Give it to the user that the agent runs as, with mode 0600: chown ${ME} ${path}; chmod 0600 ${path}. If somebody may have read it, replace what is in it.`,
    })
  })

  it('says nothing of what is in a file that is no key, nor of a key that it refuses', async () => {
    const key = randomBytes(32)
    for (const [content, mode] of [
      [key, 0o600],
      [key.toString('base64'), 0o600],
      [`${keyText(key)}\n`, 0o600],
      [keyText(key).repeat(100), 0o600],
      [keyText(key), 0o640],
    ] as const) {
      const answer = await ask(masterAt(await directory.write('no-key', content, mode)))
      assert.equal(answer.kind === 'unavailable' && answer.reason, 'failed')
      assertSilent(JSON.stringify(answer), key)
    }
  })

  it('is not made with a path that depends on where the agent was started, or without a generation', () => {
    assert.throws(() => masterAt('master.key'), RangeError)
    for (const generation of [0, -1, 1.5, Number.NaN])
      assert.throws(() => new FileMasterKey({ path: '/key', generation, user: ME }), RangeError)
  })

  it('does not write to the file', async () => {
    const path = await directory.write('kept', keyText(randomBytes(32)), 0o400)
    const content = await readFile(path)
    await ask(masterAt(path))
    assert.deepEqual(await readFile(path), content)
  })
})
