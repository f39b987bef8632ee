import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { signCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { signerFrom } from '../../../agent/audit/note.ts'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import { type Change, EVERY, replaceNote, rewrite, SIZE, sql, THIEF, tampered } from './corpus.ts'
import { Folder, SIGNER, tamper, VKEY, writeLog } from './fixture.ts'

describe('verification names the first bad record when', () => {
  const corpus: [what: string, change: Change, at: number, says: RegExp][] = [
    ['a record was rewritten', rewrite(13, false), 13, /do not have the hash/],
    ['the last record was rewritten', rewrite(24, false), 24, /do not have the hash/],
    ['a record and its hash were rewritten', rewrite(13, true), 10, /records 10 to 19: at least one/],
    [
      'a record before the first checkpoint was rewritten with its hash',
      rewrite(3, true),
      0,
      /records 0 to 9/,
    ],
    [
      'a hash was changed',
      sql('UPDATE record SET leaf = zeroblob(32) WHERE seq = 7'),
      7,
      /do not have the hash/,
    ],
    ['a record was deleted', sql('DELETE FROM record WHERE seq = 12'), 12, /record 12 is missing/],
    ['the first record was deleted', sql('DELETE FROM record WHERE seq = 0'), 0, /record 0 is missing/],
    ['all records were deleted', sql('DELETE FROM record'), 0, /it has 0 records/],
    ['the end was cut off', sql('DELETE FROM record WHERE seq >= 15'), 15, /it has 15 records.* covers 20/],
    [
      'two records were swapped',
      sql(
        'UPDATE record SET seq = -1 WHERE seq = 5; UPDATE record SET seq = 5 WHERE seq = 8; UPDATE record SET seq = 8 WHERE seq = -1',
      ),
      5,
      /say that it is record 8/,
    ],
    [
      'a record was slipped in',
      sql(
        'UPDATE record SET seq = -seq - 1 WHERE seq >= 9; UPDATE record SET seq = -seq WHERE seq < 0; INSERT INTO record (seq, bytes, leaf) SELECT 9, bytes, leaf FROM record WHERE seq = 8',
      ),
      9,
      /say that it is record 8/,
    ],
    [
      'a record was slipped in before the first',
      sql('INSERT INTO record (seq, bytes, leaf) SELECT -3, bytes, leaf FROM record WHERE seq = 1'),
      0,
      /a record -3 stands before the first/,
    ],
    [
      'records were moved up to hide that one is gone',
      sql(
        'DELETE FROM record WHERE seq = 4; UPDATE record SET seq = -seq + 1 WHERE seq > 4; UPDATE record SET seq = -seq WHERE seq < 0',
      ),
      4,
      /say that it is record 5/,
    ],
    [
      'a record was written in another way',
      sql("UPDATE record SET bytes = replace(bytes, ':', ': ') WHERE seq = 2"),
      2,
      /not canonical|not JSON/,
    ],
    [
      'a record was emptied',
      sql("UPDATE record SET bytes = '{}' WHERE seq = 2"),
      2,
      /say that it is record undefined/,
    ],
    [
      'a record has a key twice',
      sql('UPDATE record SET bytes = \'{"seq":2,"seq":2}\' WHERE seq = 2'),
      2,
      /not canonical/,
    ],
    [
      "a checkpoint was signed by another's key",
      replaceNote(root => signCheckpoint(20, root, THIEF)),
      10,
      /not by the public key/,
    ],
    [
      'a checkpoint is of another size',
      replaceNote(root => signCheckpoint(19, root, SIGNER)),
      10,
      /its note is of 19/,
    ],
    [
      'a checkpoint is of other records',
      replaceNote(() => signCheckpoint(20, new Uint8Array(32), SIGNER)),
      10,
      /records 10 to 19/,
    ],
    [
      'a checkpoint is of another log',
      replaceNote(root => signCheckpoint(20, root, signerFrom('plant/gateway-2', Buffer.alloc(32, 7)))),
      10,
      /not by the public key/,
    ],
    ['a checkpoint is no checkpoint', replaceNote(() => 'all is well\n'), 10, /not a checkpoint/],
    [
      'the root beside a checkpoint was changed',
      sql('UPDATE checkpoint SET root = zeroblob(32) WHERE size = 20'),
      10,
      /records 10 to 19/,
    ],
    [
      'the right edge beside a checkpoint was changed',
      sql('UPDATE checkpoint SET frontier = zeroblob(64) WHERE size = 20'),
      10,
      /right edge/,
    ],
    [
      'a checkpoint was moved',
      sql('UPDATE checkpoint SET size = 21 WHERE size = 20'),
      10,
      /its note is of 20/,
    ],
    [
      'a checkpoint of records that are not there was put in',
      sql("INSERT INTO checkpoint VALUES (99, zeroblob(32), x'', NULL)"),
      25,
      /covers 99/,
    ],
  ]
  for (const [what, change, at, says] of corpus) {
    it(what, () => {
      const verdict = tampered(change)
      assert.equal(verdict.kind, 'tampered')
      assert.deepEqual(verdict.kind === 'tampered' && verdict.at, at)
      assert.match(verdict.kind === 'tampered' ? verdict.detail : '', says)
    })
  }

  it('any one bit of any record was flipped', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, EVERY)
    let texts: string[] = []
    tamper(folder.log, database => {
      texts = database.prepare('SELECT bytes FROM record ORDER BY seq').pluck().all() as string[]
    })
    const good = readFileSync(folder.log)
    const path = join(folder.path, 'flipped.db')
    const anyBit = fc.property(fc.nat({ max: SIZE - 1 }), fc.nat(), fc.nat({ max: 7 }), (seq, where, bit) => {
      const text = Buffer.from(texts[seq] ?? '')
      const bad = Buffer.from(good)
      // SQLite leaves copies behind where it has moved a record: all of them are changed, the one that counts among them.
      for (let found = good.indexOf(text); found >= 0; found = good.indexOf(text, found + 1)) {
        const at = found + (where % text.length)
        bad[at] = (bad[at] ?? 0) ^ (1 << bit)
      }
      writeFileSync(path, bad)
      const verdict = verifyAuditLog({ path, publicKey: VKEY })
      assert.equal(verdict.kind === 'tampered' && verdict.at, seq)
    })
    fc.assert(anyBit, { numRuns: 300 })
  })

  it('any one bit of a hash was flipped', () => {
    const anyBit = fc.property(
      fc.nat({ max: SIZE - 1 }),
      fc.nat({ max: 31 }),
      fc.nat({ max: 7 }),
      (seq, at, bit) => {
        const verdict = tampered(database => {
          const leaf = database.prepare('SELECT leaf FROM record WHERE seq = ?').pluck().get(seq) as Buffer
          leaf[at] = (leaf[at] ?? 0) ^ (1 << bit)
          database.prepare('UPDATE record SET leaf = ? WHERE seq = ?').run(leaf, seq)
        })
        assert.equal(verdict.kind === 'tampered' && verdict.at, seq)
      },
    )
    fc.assert(anyBit, { numRuns: 60 })
  })

  it('any one bit of a checkpoint was flipped', () => {
    const anyBit = fc.property(fc.nat(), fc.nat({ max: 6 }), (where, bit) => {
      const verdict = tampered(
        replaceNote((_, note) => {
          const bytes = Buffer.from(note)
          const at = where % bytes.length
          bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
          return bytes.toString('latin1')
        }),
      )
      assert.equal(verdict.kind === 'tampered' && verdict.at, 10)
    })
    fc.assert(anyBit, { numRuns: 60 })
  })
})
