import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { AuditVerifyOptions } from '../../../agent/audit/verify-main.ts'
import { noteOver } from './corpus.ts'
import { entry, Folder, OpenLog, SIGNER, tamper, VKEY, writeLog } from './fixture.ts'

const PROGRAM = fileURLToPath(new URL('./programs/verify.ts', import.meta.url))

function run(options: AuditVerifyOptions): {
  code: number | null
  said: string
  json: Record<string, unknown>
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, JSON.stringify(options)], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return { code: status, said: stdout, json: options.json ? JSON.parse(stdout) : {} }
}

describe('the verifying program', () => {
  it('ends with 0 on an intact log and says what vouches for it', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    writeFileSync(join(folder.path, 'audit.vkey'), `${VKEY}\n`)
    const { code, said } = run({ path: folder.log })
    assert.equal(code, 0)
    assert.match(
      said,
      /^intact: 25 records, root \S+; signed checkpoints cover 20 records; the last 5 are covered by none\n$/,
    )
  })

  it('ends with 2 without a public key: what fits together may have been made anew as a whole', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    const { code, said } = run({ path: folder.log })
    assert.equal(code, 2)
    assert.match(said, /^NOT PROVEN: 25 records fit together, root \S+; no signature was checked.*--key/)
    const { json } = run({ path: folder.log, json: true })
    assert.deepEqual([json.verified, json.records, json.signed_up_to], [false, 25, 0])
    // What an intruder does who has all the time in the world: another log, with a key of his own.
    const forged = join(folder.path, 'forged.db')
    writeLog(forged, 30, 10)
    assert.equal(run({ path: forged }).code, 2)
  })

  it('ends with 0 without a public key where a checkpoint that was kept elsewhere vouches, and says how far', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    const checkpoint = join(folder.path, 'checkpoint')
    writeFileSync(checkpoint, noteOver(20))
    const { code, said } = run({ path: folder.log, checkpoint })
    assert.equal(code, 0)
    assert.match(said, /^intact: .* kept elsewhere covers 20 records, and nothing the last 5; no signature/)
  })

  it('ends with 4 on a tampered log and names the record', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    tamper(folder.log, database => database.exec('DELETE FROM record WHERE seq = 12'))
    const { code, said } = run({ path: folder.log })
    assert.equal(code, 4)
    assert.match(said, /^TAMPERED at record 12: /)
  })

  it('ends with 4 on a log whose signatures were taken out, and says from where on nothing vouches', () => {
    using folder = new Folder()
    writeLog(folder.log, 200, 50)
    writeFileSync(join(folder.path, 'audit.vkey'), VKEY)
    tamper(folder.log, database => database.exec('UPDATE checkpoint SET note = NULL WHERE size > 100'))
    const { code, said } = run({ path: folder.log })
    assert.equal(code, 4)
    assert.match(said, /^UNSIGNED from record 100: no signature covers the last 100 records/)
    const { json } = run({ path: folder.log, json: true })
    assert.deepEqual([json.verified, json.tamper_detected_at, json.signed_up_to], [false, null, 100])
  })

  it('ends with 2 when it cannot verify: no file, no key, no checkpoint', () => {
    using folder = new Folder()
    assert.equal(run({ path: folder.log }).code, 2)
    writeLog(folder.log, 5, 10)
    const missing = join(folder.path, 'missing')
    assert.equal(run({ path: folder.log, key: missing }).code, 2)
    assert.equal(run({ path: folder.log, checkpoint: missing }).code, 2)
  })

  it('says the same to a program, in members that do not change', () => {
    using folder = new Folder()
    writeLog(folder.log, 20, 10)
    const key = join(folder.path, 'key')
    writeFileSync(key, VKEY)
    const intact = run({ path: folder.log, key, json: true })
    assert.deepEqual(
      { ...intact.json, root: typeof intact.json.root },
      {
        verified: true,
        records: 20,
        pruned: 0,
        tamper_detected_at: null,
        detail: 'every record is covered by a signed checkpoint',
        root: 'string',
        signed_up_to: 20,
        counter: null,
      },
    )
    tamper(folder.log, database => database.exec('DELETE FROM record WHERE seq = 12'))
    const { code, json } = run({ path: folder.log, json: true })
    assert.equal(code, 4)
    assert.deepEqual([json.verified, json.tamper_detected_at, json.records], [false, 12, null])
    assert.deepEqual(Object.keys(json), [
      'verified',
      'records',
      'pruned',
      'tamper_detected_at',
      'detail',
      'root',
      'signed_up_to',
      'counter',
    ])
  })

  it('takes a checkpoint that was kept elsewhere', async () => {
    using folder = new Folder()
    const key = join(folder.path, 'key')
    const checkpoint = join(folder.path, 'checkpoint')
    writeFileSync(key, VKEY)
    {
      await using open = await OpenLog.open(folder.log)
      open.log.checkpointWith(SIGNER)
      for (let index = 0; index < 5; index += 1) open.log.note(entry('alarm', { index }))
      const sealed = await open.log.checkpoint()
      writeFileSync(checkpoint, sealed.kind === 'sealed' ? (sealed.note ?? '') : '')
    }
    assert.equal(run({ path: folder.log, key, checkpoint }).code, 0)
    tamper(folder.log, database => database.exec('DELETE FROM record WHERE seq >= 3; DELETE FROM checkpoint'))
    assert.equal(run({ path: folder.log, key }).code, 0, 'which the log alone cannot tell')
    assert.match(run({ path: folder.log, key, checkpoint }).said, /^TAMPERED at record 3: the log was cut/)
  })

  it('verifies the log of a running agent, from another process, and does not disturb it', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    for (let index = 0; index < 5; index += 1) {
      assert.deepEqual(await open.log.append(entry('alarm')), { kind: 'durable', seq: index })
      assert.equal(run({ path: folder.log, json: true }).json.records, index + 1)
    }
  })

  it('leaves a closed log and its folder as they were', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    const before = readFileSync(folder.log)
    assert.equal(run({ path: folder.log }).code, 2)
    assert.deepEqual(readdirSync(folder.path), ['audit.db'])
    assert.deepEqual(readFileSync(folder.log), before)
  })
})
