import assert from 'node:assert/strict'
import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import {
  SealedFileMasterKey,
  type SealedFileOptions,
  sealNewMasterKey,
} from '../../../../agent/credential/file/sealed-master-key.ts'
import { SystemdMasterKey } from '../../../../agent/credential/systemd/master-key.ts'
import { seededEntropy } from '../../../seeded-entropy.ts'
import { type MasterKeySource, masterKeyContract } from '../master-key.contract.ts'
import { keyText, ME, TestDirectory } from './directory.ts'

const KEK = seededEntropy('a key that files are sealed under')(32)

async function sealedIn(directory: TestDirectory, secret: Uint8Array): Promise<SealedFileOptions> {
  await directory.write('file-key', keyText(KEK), 0o400)
  const under = new SystemdMasterKey({ directory: directory.path, name: 'file-key', generation: 1, user: ME })
  const options = {
    path: directory.file('master.sealed'),
    generation: 1,
    user: ME,
    environment: 'demo',
    gateway: 'waterworks-1',
    under,
  }
  const more = seededEntropy('sealed file')
  let drawn = 0
  // The first bytes that are drawn are the key itself.
  const entropy = (length: number) => {
    drawn += 1
    return drawn === 1 ? Buffer.from(secret) : more(length)
  }
  assert.equal(await sealNewMasterKey(options, entropy, AbortSignal.timeout(30_000)), undefined)
  return options
}

const provide = async (): Promise<MasterKeySource> => {
  const directory = await TestDirectory.create()
  const secret = seededEntropy('a master key in a sealed file')(32)
  const options = await sealedIn(directory, secret)
  const { path } = options
  return {
    master: new SealedFileMasterKey(options),
    secret,
    away: 'absent',
    takeAway: () => rename(path, `${path}.away`),
    bringBack: () => rename(`${path}.away`, path),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

masterKeyContract('a sealed key file', provide)

describe('sealed key file', () => {
  const secret = seededEntropy('the key in the file')(32)
  let directory: TestDirectory
  let options: SealedFileOptions
  before(async () => {
    directory = await TestDirectory.create()
    options = await sealedIn(directory, secret)
  })
  after(() => directory[Symbol.asyncDispose]())

  const ask = async (changed: Partial<SealedFileOptions> = {}): Promise<string> => {
    const answer = await new SealedFileMasterKey({ ...options, ...changed }).hmac(
      Buffer.from('message'),
      AbortSignal.timeout(30_000),
    )
    return answer.kind === 'mac' ? 'mac' : answer.detail
  }

  it('does not show the key, in any encoding, and is for its owner alone', async () => {
    const onDisk = await readFile(options.path)
    for (const encoding of ['latin1', 'hex', 'base64', 'base64url'] as const)
      assert.ok(!onDisk.includes(secret.toString(encoding), 0, 'latin1'), encoding)
    assert.equal((await stat(options.path)).mode & 0o777, 0o600)
    assert.deepEqual(new SealedFileMasterKey(options).warnings, [])
  })

  it('opens with the credential that it was sealed under, on its own gateway, and not otherwise', async () => {
    assert.equal(await ask(), 'mac')
    assert.match(await ask({ gateway: 'waterworks-2' }), /does not open \(other-context\)/)
    assert.match(await ask({ environment: 'test' }), /does not open \(other-context\)/)
    await directory.write('file-key', keyText(seededEntropy('another')(32)), 0o400)
    assert.match(await ask(), /does not open \(damaged\)/)
    await rename(directory.file('file-key'), directory.file('file-key.away'))
    assert.match(await ask(), /the systemd credential file-key is not there/)
    await directory.write('file-key', keyText(KEK), 0o400)
    assert.equal(await ask(), 'mac')
  })

  it('is not read when others may read it, and says what to do', async () => {
    await chmod(options.path, 0o640)
    assert.match(await ask(), /has mode 0640: too many may use it/)
    await chmod(options.path, 0o600)
  })

  it('that is damaged, or is something else, gives no key', async () => {
    const whole = await readFile(options.path)
    const spoilt = Buffer.from(whole)
    spoilt[whole.length - 1] = (spoilt[whole.length - 1] ?? 0) ^ 1
    await writeFile(options.path, spoilt)
    assert.match(await ask(), /does not open \(damaged\)/)
    await writeFile(options.path, keyText(secret))
    assert.match(await ask(), /does not open \(not-an-envelope\)/)
    await writeFile(options.path, whole)
    assert.equal(await ask(), 'mac')
  })
})
