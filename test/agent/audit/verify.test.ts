import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { signCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { AuditStore } from '../../../agent/audit/store.ts'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import { type Change, EVERY, noteOver, rewrite, SIZE, sql, THIEF, tampered } from './corpus.ts'
import { candidate, copyLog, Folder, SIGNER, tamper, VKEY, writeLog } from './fixture.ts'
import { naiveRoot } from './naive-root.ts'

describe('verification', () => {
  it('finds an untouched log intact, and says how far signatures vouch for it', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, EVERY)
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.equal(verdict.kind, 'intact')
    const root = verdict.kind === 'intact' ? verdict.root : ''
    assert.deepEqual(verdict, {
      kind: 'intact',
      records: 25,
      pruned: 0,
      root,
      signedUpTo: 20,
      signedLate: [],
      unsignedTail: 5,
    })
    const noKey = verifyAuditLog({ path: folder.log })
    assert.deepEqual(noKey, {
      kind: 'intact',
      records: 25,
      pruned: 0,
      root,
      signedUpTo: 0,
      signedLate: [],
      unsignedTail: 25,
    })
  })

  it('finds the root of the definition', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, EVERY)
    let bytes: string[] = []
    tamper(folder.log, database => {
      bytes = database.prepare('SELECT bytes FROM record ORDER BY seq').pluck().all() as string[]
    })
    const verdict = verifyAuditLog({ path: folder.log })
    assert.equal(
      verdict.kind === 'intact' && verdict.root,
      naiveRoot(bytes.map(text => Buffer.from(text))).toString('base64'),
    )
  })

  it('finds a log without records intact', () => {
    using folder = new Folder()
    writeLog(folder.log, 0, EVERY)
    assert.equal(verifyAuditLog({ path: folder.log, publicKey: VKEY }).kind, 'intact')
  })

  it('reads what is still in the write-ahead log, beside a writer and in a copy', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    for (let index = 0; index < SIZE; index += 1) store.append(index, [candidate(index)], false, SIGNER)
    const copy = join(folder.path, 'copy.db')
    copyLog(folder.log, copy)
    for (const path of [folder.log, copy]) {
      const verdict = verifyAuditLog({ path })
      assert.equal(verdict.kind === 'intact' && verdict.records, SIZE, path)
    }
    assert.deepEqual(
      store.append(SIZE, [candidate(SIZE)], false, SIGNER).seqs,
      [SIZE],
      'and the writer goes on',
    )
  })

  it('takes any of several public keys, for a log whose key was changed', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, EVERY)
    const other = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
    assert.equal(verifyAuditLog({ path: folder.log, publicKey: `${other}\n${VKEY}\n` }).kind, 'intact')
    assert.equal(verifyAuditLog({ path: folder.log, publicKey: other }).kind, 'tampered')
  })
})

describe('verification against a checkpoint that was kept elsewhere', () => {
  it('sees that the end was cut off with its checkpoints', () => {
    const change = sql('DELETE FROM record WHERE seq >= 15; DELETE FROM checkpoint WHERE size > 15')
    assert.equal(tampered(change).kind, 'intact', 'which the log alone cannot tell')
    const verdict = tampered(change, { publicKey: VKEY, checkpoint: noteOver(SIZE) })
    assert.equal(verdict.kind === 'tampered' && verdict.at, 15)
  })

  it('sees that a record was rewritten with its hash where no checkpoint of the log covers it', () => {
    assert.equal(tampered(rewrite(22, true)).kind, 'intact', 'which the log alone cannot tell')
    const verdict = tampered(rewrite(22, true), { publicKey: VKEY, checkpoint: noteOver(SIZE) })
    assert.equal(verdict.kind === 'tampered' && verdict.at, 20)
  })

  it('vouches for all that it covers', () => {
    const verdict = tampered(() => undefined, { publicKey: VKEY, checkpoint: noteOver(24) })
    assert.equal(verdict.kind === 'intact' && verdict.signedUpTo, 24)
  })

  it('sees that unsigned checkpoints were written anew around a change', () => {
    // The hand removes every signature, so nothing in the file contradicts it but the missing signatures.
    const change: Change = database => {
      rewrite(13, true)(database)
      database.exec('DELETE FROM checkpoint')
    }
    const alone = tampered(change)
    assert.equal(alone.kind === 'intact' && alone.signedUpTo, 0, 'the log alone tells by covering nothing')
    const verdict = tampered(change, { publicKey: VKEY, checkpoint: noteOver(20) })
    assert.equal(verdict.kind === 'tampered' && verdict.at, 0)
  })

  it('does not begin with one that is not signed by the key, or is none', () => {
    assert.equal(tampered(() => undefined, { publicKey: VKEY, checkpoint: 'hello\n' }).kind, 'unreadable')
    const forged = signCheckpoint(5, new Uint8Array(32), THIEF)
    assert.equal(tampered(() => undefined, { publicKey: VKEY, checkpoint: forged }).kind, 'unreadable')
    assert.equal(tampered(() => undefined, { publicKey: 'no key' }).kind, 'unreadable')
  })
})

describe('verification of a damaged file', () => {
  it('never finds another log intact, and never throws, whatever byte was changed', () => {
    using folder = new Folder()
    writeLog(folder.log, 200, 50)
    const good = readFileSync(folder.log)
    const whole = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    const path = join(folder.path, 'damaged.db')
    const anyByte = fc.property(
      fc.nat({ max: good.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      (at, change) => {
        const bad = Buffer.from(good)
        bad[at] = (bad[at] ?? 0) ^ change
        writeFileSync(path, bad)
        const verdict = verifyAuditLog({ path, publicKey: VKEY })
        if (verdict.kind === 'intact') assert.deepEqual(verdict, whole)
      },
    )
    fc.assert(anyByte, { numRuns: 300 })
  })

  it('names the first record that cannot be read', () => {
    using folder = new Folder()
    writeLog(folder.log, 200, 50)
    let page = 0
    tamper(folder.log, database => {
      page = database
        .prepare(
          "SELECT pageno FROM dbstat WHERE name = 'record' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 3",
        )
        .pluck()
        .get() as number
    })
    const bytes = readFileSync(folder.log)
    bytes.fill(0xff, (page - 1) * 4096, page * 4096)
    writeFileSync(folder.log, bytes)
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.equal(verdict.kind, 'tampered')
    const at = verdict.kind === 'tampered' ? (verdict.at ?? -1) : -1
    assert.ok(at > 0 && at < 200, `record ${at}`)
    assert.match(verdict.kind === 'tampered' ? verdict.detail : '', /cannot be read/)
  })

  it('says that it cannot be read when nothing of it can', () => {
    using folder = new Folder()
    assert.equal(verifyAuditLog({ path: folder.log }).kind, 'unreadable')
    writeFileSync(folder.log, '')
    assert.equal(verifyAuditLog({ path: folder.log }).kind, 'unreadable')
    writeFileSync(folder.log, 'not a log\n'.repeat(1000))
    assert.equal(verifyAuditLog({ path: folder.log }).kind, 'unreadable')
    assert.equal(verifyAuditLog({ path: folder.path }).kind, 'unreadable')
    writeLog(join(folder.path, 'cut.db'), 200, 50)
    truncateSync(join(folder.path, 'cut.db'), 3000)
    assert.equal(verifyAuditLog({ path: join(folder.path, 'cut.db') }).kind, 'unreadable')
  })
})
