import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { signCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { leafHash } from '../../../agent/audit/merkle.ts'
import { AuditStore } from '../../../agent/audit/store.ts'
import { type Verdict, type VerifyOptions, verifyAuditLog } from '../../../agent/audit/verify.ts'
import { seededEntropy } from '../../seeded-entropy.ts'
import { type Change, sql, THIEF } from './corpus.ts'
import { Folder, readRecords, SIGNER, tamper, VKEY, writeLog } from './fixture.ts'

/** A log as an agent leaves it: a signed checkpoint after every 64 records, and 40 records after the last. */
const SIZE = 1000
const EVERY = 64
/** How often each kind of change is made, each time somewhere else. */
const SAMPLES = 25

let folder: Folder
let intact: string
let damaged: string
let random: (below: number) => number

before(() => {
  folder = new Folder()
  intact = join(folder.path, 'intact.db')
  damaged = join(folder.path, 'damaged.db')
  writeLog(intact, SIZE, EVERY)
  const entropy = seededEntropy('tamper corpus')
  random = below => entropy(4).readUInt32BE() % below
})
after(() => folder[Symbol.dispose]())

function verdictAfter(change: Change, more: Partial<VerifyOptions> = {}): Verdict {
  copyFileSync(intact, damaged)
  tamper(damaged, change)
  return verifyAuditLog({ path: damaged, publicKey: VKEY, ...more })
}

/** Asserts that the verdict names this record, and no other. */
function names(verdict: Verdict, at: number, what: string): void {
  assert.deepEqual(
    [verdict.kind, verdict.kind === 'tampered' ? verdict.at : undefined],
    ['tampered', at],
    `${what}: ${JSON.stringify(verdict)}`,
  )
}

/** The last checkpoint before this one, or before this record: what an honest key vouches for up to there stands. */
const vouchedBefore = (place: number) => Math.floor(Math.max(0, place - 1) / EVERY) * EVERY
const anyRecord = () => random(SIZE)
const anyCheckpoint = () => (1 + random(Math.floor(SIZE / EVERY))) * EVERY

function flipped(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes)
  const at = random(copy.length)
  copy[at] = (copy[at] ?? 0) ^ (1 << random(8))
  return copy
}

/** Flips one bit of a column of a row. Text stays a text, whatever its bytes say then. */
function flip(table: string, key: string, row: number, column: string): Change {
  return database => {
    const read = database.prepare(`SELECT CAST(${column} AS BLOB) FROM ${table} WHERE ${key} = ?`).pluck()
    const type = database.prepare(`SELECT typeof(${column}) FROM ${table} WHERE ${key} = ?`).pluck().get(row)
    database
      .prepare(`UPDATE ${table} SET ${column} = CAST(? AS ${String(type)}) WHERE ${key} = ?`)
      .run(flipped(read.get(row) as Buffer), row)
  }
}

/** One bit of a number in a key column; the low ones would meet another row. */
function flipKey(table: string, key: string, row: number): Change {
  return sql(`UPDATE ${table} SET ${key} = ${key} + ${2 ** (12 + random(40))} WHERE ${key} = ${row}`)
}

/** Rewrites a record with its hash, as an intruder does who knows the format. */
function rewriteWithHash(seq: number): Change {
  return database => {
    const read = database.prepare('SELECT bytes FROM record WHERE seq = ?').pluck()
    const forged = String(read.get(seq)).replace('"setpoint":"open"', '"setpoint":"shut"')
    database
      .prepare('UPDATE record SET bytes = ?, leaf = ? WHERE seq = ?')
      .run(forged, leafHash(Buffer.from(forged)), seq)
  }
}

function swap(a: number, b: number): Change {
  return sql(
    `UPDATE record SET seq = -9 WHERE seq = ${a}; UPDATE record SET seq = ${a} WHERE seq = ${b}; UPDATE record SET seq = ${b} WHERE seq = -9`,
  )
}

/** The verdict after one bit of something in the file was flipped, as a disk or a hex editor does it. */
function flippedInFile(tree: string, found: Buffer, at: number, bit: number): Verdict {
  const file = readFileSync(intact)
  const places = placesOf(found, file, pagesOf(tree))
  assert.notEqual(places.length, 0)
  for (const place of places) file[place + at] = (file[place + at] ?? 0) ^ (1 << bit)
  writeFileSync(damaged, file)
  return verifyAuditLog({ path: damaged, publicKey: VKEY })
}

/** Where the pages of a table or an index are in the file: their beginnings. */
function pagesOf(tree: string): number[] {
  const database = new Database(intact, { readonly: true })
  try {
    const query = database.prepare('SELECT pgoffset FROM dbstat WHERE name = ?').pluck()
    return query.all(tree) as number[]
  } finally {
    database.close()
  }
}

/** Every place of some bytes on these pages. SQLite leaves copies behind where it has moved them: all of them are given. */
function placesOf(found: Buffer, file: Buffer, pages: readonly number[]): number[] {
  return pages.flatMap(page => {
    const places: number[] = []
    const bytes = file.subarray(page, page + 4096)
    for (let at = bytes.indexOf(found); at >= 0; at = bytes.indexOf(found, at + 1)) places.push(page + at)
    return places
  })
}

/** The note over all records that the agent would have sent off the host. */
function keptNote(): string {
  using copy = new Folder()
  copyFileSync(intact, copy.log)
  using store = new AuditStore(copy.log, 'boot-1', 'existing', undefined)
  return store.append(SIZE, [], true, SIGNER).checkpoint?.note ?? assert.fail('no note')
}

describe(`of a log of ${SIZE} records, verification names the first bad record when`, () => {
  /** What is changed, at which random place, and the record that must be named. */
  const corpus: [what: string, make: () => [change: Change, at: number]][] = [
    [
      'a bit of record.leaf was flipped',
      () => {
        const seq = anyRecord()
        return [flip('record', 'seq', seq, 'leaf'), seq]
      },
    ],
    [
      'a bit of record.seq was flipped',
      () => {
        const seq = anyRecord()
        return [flipKey('record', 'seq', seq), seq]
      },
    ],
    ...(['root', 'frontier', 'note'] as const).map((column): [string, () => [Change, number]] => [
      `a bit of checkpoint.${column} was flipped`,
      () => {
        const size = anyCheckpoint()
        return [flip('checkpoint', 'size', size, column), vouchedBefore(size)]
      },
    ]),
    [
      'a record was deleted',
      () => {
        const seq = anyRecord()
        return [sql(`DELETE FROM record WHERE seq = ${seq}`), seq]
      },
    ],
    [
      'a checkpoint was deleted',
      () => {
        const size = anyCheckpoint()
        return [sql(`DELETE FROM checkpoint WHERE size = ${size}`), vouchedBefore(size)]
      },
    ],
    [
      'two records were swapped',
      () => {
        const a = random(SIZE - 1)
        const b = a + 1 + random(SIZE - 1 - a)
        return [swap(a, b), a]
      },
    ],
    [
      'the end was cut off and the checkpoints stand',
      () => {
        const size = random(Math.floor(SIZE / EVERY) * EVERY)
        return [sql(`DELETE FROM record WHERE seq >= ${size}`), size]
      },
    ],
    [
      'a record was rewritten with its hash',
      () => {
        const seq = random(Math.floor(SIZE / EVERY) * EVERY)
        return [rewriteWithHash(seq), vouchedBefore(seq + 1)]
      },
    ],
    [
      "a checkpoint was signed anew by another's key",
      () => {
        const size = anyCheckpoint()
        const change: Change = database => {
          const root = database.prepare('SELECT root FROM checkpoint WHERE size = ?').pluck().get(size)
          const note = signCheckpoint(size, root as Buffer, THIEF)
          database.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(note, size)
        }
        return [change, vouchedBefore(size)]
      },
    ],
  ]
  for (const [what, make] of corpus) {
    it(what, () => {
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        const [change, at] = make()
        names(verdictAfter(change), at, `${what}, sample ${sample}`)
      }
    })
  }

  it('the size of a checkpoint was flipped: it covers more than there is', () => {
    const size = anyCheckpoint()
    const verdict = verdictAfter(flipKey('checkpoint', 'size', size))
    // The gap that it leaves comes before the end that it claims.
    names(verdict, vouchedBefore(size), 'checkpoint.size')
  })

  it('a bit of record.bytes was flipped', () => {
    const database = new Database(intact, { readonly: true })
    const read = database.prepare('SELECT CAST(bytes AS BLOB) FROM record WHERE seq = ?').pluck()
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const seq = anyRecord()
      const bytes = read.get(seq) as Buffer
      names(flippedInFile('record', bytes, random(bytes.length), random(8)), seq, `sample ${sample}`)
    }
    database.close()
  })

  const INDEXES = ['time', 'kind', 'credential', 'actuator'] as const
  for (const name of INDEXES) {
    it(`a bit of a key in the index record_${name} was flipped`, () => {
      const records = readRecords(intact)
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        const seq = anyRecord()
        const record = records[seq]
        const key = Buffer.from(name === 'time' ? String(record?.time) : `${record?.[name]}${record?.time}`)
        // The milliseconds: elsewhere the order of the index may break, and other records are lost with this one.
        const verdict = flippedInFile(`record_${name}`, key, key.length - 2, 0)
        names(verdict, seq, `record_${name}, sample ${sample}`)
        const quick = verifyAuditLog({ path: damaged, publicKey: VKEY, recordsOnly: true })
        assert.equal(quick.kind, 'intact', 'the records themselves are what was written')
      }
    })
  }

  it('a later copy was rolled back, against a checkpoint that was kept', () => {
    for (let sample = 0; sample < 5; sample += 1) {
      const size = 1 + random(SIZE - 1)
      const older = new Folder()
      try {
        writeLog(older.log, size, EVERY)
        assert.equal(
          verifyAuditLog({ path: older.log, publicKey: VKEY }).kind,
          'intact',
          'which the log alone cannot tell',
        )
        names(
          verifyAuditLog({ path: older.log, publicKey: VKEY, checkpoint: keptNote() }),
          size,
          `of ${size}`,
        )
      } finally {
        older[Symbol.dispose]()
      }
    }
  })

  it('the end was cut off with its checkpoints, against a checkpoint that was kept', () => {
    const change = sql('DELETE FROM record WHERE seq >= 700; DELETE FROM checkpoint WHERE size > 700')
    assert.equal(verdictAfter(change).kind, 'intact', 'which the log alone cannot tell')
    names(verdictAfter(change, { checkpoint: keptNote() }), 700, 'cut')
  })
})

describe(`of a log of ${SIZE} records, verification is not content when`, () => {
  it('every signature was taken out, with or without the checkpoints that they were on', () => {
    const unsigned = verdictAfter(sql('UPDATE checkpoint SET note = NULL'))
    assert.deepEqual([unsigned.kind, unsigned.kind === 'unsigned' && unsigned.signedUpTo], ['unsigned', 0])
    names(verdictAfter(sql('DELETE FROM checkpoint')), 0, 'no checkpoints')
  })

  it('the last signatures were taken out, and says from where on nothing vouches', () => {
    const verdict = verdictAfter(sql('UPDATE checkpoint SET note = NULL WHERE size > 512'))
    assert.deepEqual([verdict.kind, verdict.kind === 'unsigned' && verdict.signedUpTo], ['unsigned', 512])
    assert.match(
      verdict.kind === 'unsigned' ? verdict.detail : '',
      /last 488 records.*any record from 512 on/,
    )
  })

  it('an unsigned checkpoint stands between signed ones: the next signature covers it', () => {
    assert.equal(verdictAfter(sql('UPDATE checkpoint SET note = NULL WHERE size = 512')).kind, 'intact')
  })

  const structures: [what: string, change: string, says: RegExp][] = [
    ['a trigger is gone', 'DROP TRIGGER record_stays', /trigger record_stays is missing/],
    [
      'a trigger does something else',
      'DROP TRIGGER record_stays; CREATE TRIGGER record_stays BEFORE DELETE ON record BEGIN SELECT 1; END',
      /trigger record_stays is another/,
    ],
    [
      'an index leaves somebody out',
      "DROP INDEX record_credential; CREATE INDEX record_credential ON record (credential, time) WHERE credential <> 'credential-1'",
      /index record_credential is another/,
    ],
    ['a view was added', 'CREATE VIEW records AS SELECT 1', /view records was added/],
  ]
  for (const [what, change, says] of structures) {
    it(what, () => {
      copyFileSync(intact, damaged)
      new Database(damaged).exec(change).close()
      const verdict = verifyAuditLog({ path: damaged, publicKey: VKEY })
      assert.deepEqual([verdict.kind, verdict.kind === 'tampered' && verdict.at], ['tampered', undefined])
      assert.match(verdict.kind === 'tampered' ? verdict.detail : '', says)
    })
  }
})
