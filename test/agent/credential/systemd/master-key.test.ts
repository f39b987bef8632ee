import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rename } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { execa } from 'execa'
import { SystemdMasterKey } from '../../../../agent/credential/systemd/master-key.ts'
import { keyText, ME, TestDirectory } from '../file/directory.ts'
import {
  assertSilent,
  type MasterKeySource,
  masterKeyContract,
  rekeyContract,
} from '../master-key.contract.ts'

const provide = async (): Promise<Required<MasterKeySource>> => {
  const directory = await TestDirectory.create()
  const secret = randomBytes(32)
  const path = await directory.write('master', keyText(secret), 0o400)
  return {
    master: new SystemdMasterKey({ directory: directory.path, name: 'master', generation: 1, user: ME }),
    secret,
    away: 'absent',
    takeAway: () => rename(path, `${path}.away`),
    bringBack: () => rename(`${path}.away`, path),
    rekey: async key => {
      await directory.write('master', keyText(key), 0o400)
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

masterKeyContract('a systemd credential', provide)
rekeyContract('a systemd credential', provide)

describe('systemd credential', () => {
  const key = randomBytes(32)
  let directory: TestDirectory
  before(async () => {
    directory = await TestDirectory.create()
  })
  after(() => directory[Symbol.asyncDispose]())

  async function ask(from: string | undefined, user = ME, name = 'holdfast-master-key') {
    const master = new SystemdMasterKey({ directory: from, name, generation: 1, user })
    assert.deepEqual(master.warnings, [])
    return await master.hmac(Buffer.from('message'), AbortSignal.timeout(30_000))
  }

  const mac = { kind: 'mac', mac: createHmac('sha256', key).update('message').digest() }

  it('is used as systemd makes it: directory 0500 and file 0400 of the user, or 0440 of root with an access list', async t => {
    if (ME !== 0) return t.skip('only root can give files away')
    await mkdir(directory.file('given'))
    const path = await directory.write('given/holdfast-master-key', keyText(key), 0o400)
    await chmod(directory.file('given'), 0o500)
    for (const [user, mode] of [
      [64685, 0o400],
      [0, 0o440],
    ] as const) {
      await chown(path, user, 0)
      await chown(directory.file('given'), user, 0)
      await chmod(path, mode)
      assert.deepEqual(await ask(directory.file('given'), 64685), mac)
    }
  })

  it('is refused when it is not as systemd makes it', async () => {
    for (const mode of [0o600, 0o444, 0o404, 0o460, 0o500]) {
      await directory.write('holdfast-master-key', keyText(key), mode)
      const answer = await ask(directory.path)
      assert.ok(answer.kind === 'unavailable' && answer.reason === 'failed', mode.toString(8))
      assert.match(answer.detail, new RegExp(`has mode 0${mode.toString(8)}`))
      assertSilent(JSON.stringify(answer), key)
    }
  })

  it('says how to make it when it is not there, and when systemd gave none at all', async () => {
    await mkdir(directory.file('empty'))
    for (const [from, detail] of [
      [directory.file('empty'), 'the systemd credential holdfast-master-key is not there'],
      [undefined, 'systemd gave this process no credentials (CREDENTIALS_DIRECTORY is not set)'],
    ] as const) {
      const answer = await ask(from)
      assert.ok(answer.kind === 'unavailable' && answer.reason === 'absent')
      assert.equal(answer.detail, detail)
      assert.match(
        answer.remedy,
        /openssl rand -hex 32 \| systemd-creds encrypt --name=holdfast-master-key - (\S+)\. Write LoadCredentialEncrypted=holdfast-master-key:\1 into the unit/,
      )
    }
  })

  it('throws on a message that is too long also when there is no credential', async () => {
    const master = new SystemdMasterKey({ directory: undefined, name: 'master', generation: 1, user: ME })
    await assert.rejects(master.hmac(new Uint8Array(1025), AbortSignal.timeout(30_000)), RangeError)
  })

  it('is not made with a name that leads elsewhere, or without a generation', () => {
    for (const name of ['', '.', '..', '../key', '/etc/key', 'a/b', 'a b', 'ä'])
      assert.throws(() => new SystemdMasterKey({ directory: '/', name, generation: 1, user: ME }), RangeError)
    assert.throws(
      () => new SystemdMasterKey({ directory: '/', name: 'x', generation: 0, user: ME }),
      RangeError,
    )
  })

  it('takes what the real systemd-creds encrypted and decrypted, by the way that the remedy names', async t => {
    const env = { SYSTEMD_CREDENTIAL_SECRET: directory.file('host.secret') }
    const stored = directory.file('encrypted')
    const named = '--name=holdfast-master-key'
    const encrypted = await execa('systemd-creds', ['encrypt', '--with-key=host', named, '-', stored], {
      env,
      input: keyText(key),
      reject: false,
    })
    if (encrypted.failed) return t.skip('systemd-creds 250 or later, run by root, is not to be had here')
    assertSilent((await readFile(stored)).toString('latin1'), key)
    await mkdir(directory.file('decrypted'))
    const given = directory.file('decrypted/holdfast-master-key')
    await execa('systemd-creds', ['decrypt', named, stored, given], { env })
    await chmod(given, 0o400)
    assert.deepEqual(await ask(directory.file('decrypted')), mac)
  })
})
