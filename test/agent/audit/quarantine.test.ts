import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { signCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { parseVkey, verifierOf } from '../../../agent/audit/note.ts'
import { hasRemains, quarantineLog } from '../../../agent/audit/quarantine.ts'
import { AuditStore } from '../../../agent/audit/store.ts'
import { THIEF } from './corpus.ts'
import { candidate, Folder, SIGNER, START, VKEY, writeLog } from './fixture.ts'

const KEYS = [parseVkey(VKEY) ?? assert.fail('no key')]
const NAME = 'audit.db.quarantined-20260101T000000Z'

/** Size of the checkpoint in a note. */
const sizeOf = (note: string | undefined) => note?.split('\n')[1]

describe('a log that cannot be used', () => {
  it('is moved aside whole, with the newest checkpoint that its key signed, wherever the file is damaged', async () => {
    using folder = new Folder()
    writeLog(folder.log, 5000, 64)
    const bytes = readFileSync(folder.log)
    bytes.fill(0, 0, 4096)
    writeFileSync(folder.log, bytes)
    const { file, sha256, walSha256, checkpoint } = await quarantineLog(folder.log, START, KEYS)
    assert.equal(file, NAME)
    assert.deepEqual(readdirSync(folder.path), [NAME])
    assert.deepEqual(readFileSync(join(folder.path, NAME)), bytes)
    assert.match(String(sha256), /^[0-9a-f]{64}$/)
    assert.equal(walSha256, undefined)
    assert.equal(sizeOf(checkpoint), '4992')
  })

  it('takes its write-ahead log along, and the checkpoints in that', async () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    for (let index = 0; index < 10; index += 1)
      store.append(index, [candidate(index)], index % 5 === 4, SIGNER)
    const { walSha256, checkpoint } = await quarantineLog(folder.log, START, KEYS)
    assert.match(String(walSha256), /^[0-9a-f]{64}$/)
    assert.equal(sizeOf(checkpoint), '10')
    assert.deepEqual(readdirSync(folder.path).sort(), [NAME, `${NAME}-shm`, `${NAME}-wal`])
    assert.equal(hasRemains(folder.log), false)
  })

  it('names no checkpoint that another key signed', async () => {
    using folder = new Folder()
    writeLog(folder.log, 100, 64)
    const { checkpoint } = await quarantineLog(folder.log, START, [verifierOf(THIEF)])
    assert.equal(checkpoint, undefined)
  })

  it('never takes the place of another that was moved aside', async () => {
    using folder = new Folder()
    for (const name of [NAME, `${NAME}-2`, `${NAME}-3`]) {
      writeLog(folder.log, 1, 64)
      assert.equal((await quarantineLog(folder.log, START, [])).file, name)
    }
  })

  it('is looked through in a time that grows with its length, whatever it was made of', async () => {
    using folder = new Folder()
    const [key = assert.fail()] = KEYS
    writeFileSync(folder.log, Buffer.alloc(8 << 20, `\n\n— ${key.name} `))
    assert.equal((await quarantineLog(folder.log, START, KEYS)).checkpoint, undefined)
    const size = 1000
    const forged = signCheckpoint(size, Buffer.alloc(32), SIGNER).replace(`\n${size}\n`, `\n${size + 1}\n`)
    const genuine = signCheckpoint(size, Buffer.alloc(32), SIGNER)
    writeFileSync(folder.log, genuine + forged.repeat(200_000))
    assert.equal((await quarantineLog(folder.log, START + 1000, KEYS)).checkpoint, genuine)
  })

  it('is moved aside when it is not even a file', async () => {
    using folder = new Folder()
    mkdirSync(folder.log)
    assert.equal(hasRemains(folder.log), true)
    const { file, sha256 } = await quarantineLog(folder.log, START, KEYS)
    assert.deepEqual([file, sha256], [NAME, undefined])
  })
})
