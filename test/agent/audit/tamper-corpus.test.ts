import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { signCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { leafHash } from '../../../agent/audit/merkle.ts'
import { pruneAuditLog } from '../../../agent/audit/prune.ts'
import { AuditStore } from '../../../agent/audit/store.ts'
import { type Verdict, type VerifyOptions, verifyAuditLog } from '../../../agent/audit/verify.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import { seededEntropy } from '../../seeded-entropy.ts'
import { type Change, sql, THIEF } from './corpus.ts'
import { entry, Folder, intent, readRecords, SIGNER, START, tamper, VKEY, writeLog } from './fixture.ts'

/** A log as an agent leaves it: a signed checkpoint after every 64 records, and 40 records after the last. */
const SIZE = 1000
const EVERY = 64
/** Keeps what somebody did out of the log, and SQLite says nothing of it. */
const TRAP = 'CREATE TRIGGER sqlite_stat1 BEFORE INSERT ON record BEGIN SELECT RAISE(IGNORE); END'
/** How often each kind of change is made, each time somewhere else. */
const SAMPLES = 25

/** Every column of the log has something in it in every record. */
const whole = (index: number): AuditEntry =>
  entry('command-intent', {
    ...intent(index),
    subject: `operator-${index % 5}`,
    outcome: index % 7 === 0 ? 'mismatch' : 'verified',
  })

let folder: Folder
let intact: string
let damaged: string
let random: (below: number) => number

before(() => {
  folder = new Folder()
  intact = join(folder.path, 'intact.db')
  damaged = join(folder.path, 'damaged.db')
  writeLog(intact, SIZE, EVERY, whole)
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

/** Makes room for one record more at a place: those from there on move up by one, as they are. */
const makeRoom = (place: number) =>
  `UPDATE record SET seq = -seq - 2 WHERE seq >= ${place}; UPDATE record SET seq = -seq - 1 WHERE seq < 0`

/** Puts a forged record in at a place, which says of itself what a record there must say and has the right hash. */
function insert(place: number, renumbersRest: boolean): Change {
  return database => {
    database.exec(makeRoom(place))
    const read = database.prepare('SELECT seq, bytes FROM record WHERE seq >= ? ORDER BY seq')
    const rest = read.all(place - 1) as { seq: number; bytes: string }[]
    const put = database.prepare('INSERT OR REPLACE INTO record (seq, bytes, leaf) VALUES (?, ?, ?)')
    const write = (seq: number, bytes: string) => {
      const said = bytes.replace(/"seq":\d+/, `"seq":${seq}`)
      put.run(seq, said, leafHash(Buffer.from(said)))
    }
    write(place, rest[0]?.bytes.replace('"setpoint":"open"', '"setpoint":"shut"') ?? '')
    if (renumbersRest) for (const { seq, bytes } of rest) if (seq > place) write(seq, bytes)
  }
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
      'a record was there twice: a copy of it was put in after it',
      () => {
        const seq = anyRecord()
        const copy = `INSERT INTO record (seq, bytes, leaf) SELECT ${seq + 1}, bytes, leaf FROM record WHERE seq = ${seq}`
        return [sql(`${makeRoom(seq + 1)}; ${copy}`), seq + 1]
      },
    ],
    [
      'a copy of a record was put at the end',
      () => [
        sql(
          `INSERT INTO record (seq, bytes, leaf) SELECT ${SIZE}, bytes, leaf FROM record WHERE seq = ${anyRecord()}`,
        ),
        SIZE,
      ],
    ],
    [
      'a copy of a record was put before the first',
      () => [
        sql(
          `INSERT INTO record (seq, bytes, leaf) SELECT ${-1 - random(SIZE)}, bytes, leaf FROM record WHERE seq = ${anyRecord()}`,
        ),
        0,
      ],
    ],
    [
      'a forged record was put in and the rest moved up: where the numbers stop to fit, or from the last checkpoint that does',
      () => {
        const place = random(Math.floor(SIZE / EVERY) * EVERY)
        const isSealedWithIt = (place + 1) % EVERY === 0
        return [insert(place, false), isSealedWithIt ? vouchedBefore(place + 1) : place + 1]
      },
    ],
    [
      'a forged record was put in and the rest written anew with new numbers and hashes',
      () => {
        const place = random(Math.floor(SIZE / EVERY) * EVERY)
        return [insert(place, true), vouchedBefore(place + 1)]
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

  it('a bit of checkpoint.size was flipped: it covers more than there is', () => {
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const size = anyCheckpoint()
      const verdict = verdictAfter(flipKey('checkpoint', 'size', size))
      // The gap that it leaves comes before the end that it claims.
      names(verdict, vouchedBefore(size), 'checkpoint.size')
    }
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

  /** The text columns, and where each index has a record: the columns, one after the other. */
  const COLUMNS = ['time', 'kind', 'actor', 'credential', 'actuator', 'outcome'] as const
  const valueIn = (record: { readonly [member: string]: unknown }, column: (typeof COLUMNS)[number]) =>
    String(record[column === 'actor' ? 'subject' : column])

  function keyOf(column: (typeof COLUMNS)[number], seq: number): Buffer {
    const record = readRecords(intact)[seq] ?? assert.fail()
    const time = valueIn(record, 'time')
    return Buffer.from(column === 'time' ? time : valueIn(record, column) + time)
  }

  /** The records themselves are what was written. */
  const recordsAreIntact = () =>
    assert.equal(verifyAuditLog({ path: damaged, publicKey: VKEY, recordsOnly: true }).kind, 'intact')

  for (const column of COLUMNS) {
    it(`a bit of a time in the index record_${column} was flipped`, () => {
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        const seq = anyRecord()
        const key = keyOf(column, seq)
        // The milliseconds: the entry keeps its place in the index.
        names(
          flippedInFile(`record_${column}`, key, key.length - 2, 0),
          seq,
          `record_${column}, sample ${sample}`,
        )
        recordsAreIntact()
      }
    })

    it(`any bit of column ${column} was flipped in its index: that record, or one that a search loses with it`, () => {
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        const seq = anyRecord()
        const value = valueIn(readRecords(intact)[seq] ?? {}, column)
        const verdict = flippedInFile(`record_${column}`, keyOf(column, seq), random(value.length), random(8))
        assert.equal(verdict.kind, 'tampered', JSON.stringify(verdict))
        assert.ok(
          verdict.kind === 'tampered' && (verdict.at === undefined || verdict.at <= seq),
          `${seq}: ${JSON.stringify(verdict)}`,
        )
        recordsAreIntact()
      }
    })
  }

  it('a bit of column created was flipped in the index record_nonce, which has the column nonce for its condition alone', () => {
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      // As SQLite keeps numbers: most significant byte first, then the row's own number, from 128 on in two bytes.
      const seq = 128 + random(SIZE - 128)
      const key = Buffer.alloc(6)
      key.writeUInt32BE(START / 1000 + seq)
      key.writeUInt16BE(seq, 4)
      names(flippedInFile('record_nonce', key, 3, 0), seq, `seq ${seq}, sample ${sample}`)
      recordsAreIntact()
    }
  })

  describe('its first half was pruned, and', () => {
    let pruned: string
    before(() => {
      pruned = join(folder.path, 'pruned.db')
      copyFileSync(intact, pruned)
      const done = pruneAuditLog({
        path: pruned,
        archive: join(folder.path, 'archive'),
        before: START + 512_000,
        by: 'user 0',
        boot: 'boot-2',
        now: START + SIZE * 1000,
        signer: SIGNER,
        asOwner: work => work(),
      })
      assert.equal(done.kind === 'pruned' && done.to, 512)
      assert.equal(verifyAuditLog({ path: pruned, publicKey: VKEY }).kind, 'intact')
    })

    const changes: [what: string, make: (seq: number) => Change, at: (seq: number) => number][] = [
      [
        'a bit of pruned.leaf was flipped',
        seq => flip('pruned', 'seq', seq, 'leaf'),
        seq => vouchedBefore(seq + 1),
      ],
      ['a bit of pruned.seq was flipped', seq => flipKey('pruned', 'seq', seq), seq => seq],
      ['a hash was deleted', seq => sql(`DELETE FROM pruned WHERE seq = ${seq}`), seq => seq],
    ]
    for (const [what, make, at] of changes) {
      it(what, () => {
        for (let sample = 0; sample < SAMPLES; sample += 1) {
          const seq = random(512)
          copyFileSync(pruned, damaged)
          tamper(damaged, make(seq))
          names(verifyAuditLog({ path: damaged, publicKey: VKEY }), at(seq), `${what}, sample ${sample}`)
        }
      })
    }
  })

  it('a later copy was rolled back, against a checkpoint that was kept', () => {
    for (let sample = 0; sample < 5; sample += 1) {
      const size = 1 + random(SIZE - 1)
      const older = new Folder()
      try {
        writeLog(older.log, size, EVERY, whole)
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
    [
      'a table became a view that never ends',
      'DROP TABLE checkpoint; CREATE VIEW checkpoint AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS size, x AS root, x AS frontier, NULL AS note FROM c',
      /table checkpoint is another/,
    ],
    [
      'a trigger hides behind a name of SQLite',
      `PRAGMA writable_schema = ON; INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('trigger', 'sqlite_stat1', 'record', 0, '${TRAP}')`,
      /trigger sqlite_stat1 was added/,
    ],
  ]
  for (const [what, change, says] of structures) {
    it(what, () => {
      copyFileSync(intact, damaged)
      new Database(damaged).unsafeMode().exec(change).close()
      for (const recordsOnly of [false, true]) {
        const verdict = verifyAuditLog({ path: damaged, publicKey: VKEY, recordsOnly })
        assert.deepEqual([verdict.kind, verdict.kind === 'tampered' && verdict.at], ['tampered', undefined])
        assert.match(verdict.kind === 'tampered' ? verdict.detail : '', says)
      }
      assert.throws(() => new AuditStore(damaged, 'boot-2', 'existing', undefined), says, 'nor does an agent')
    })
  }

  it('SQLite has counted its rows for itself: that is no change', () => {
    copyFileSync(intact, damaged)
    new Database(damaged).exec('ANALYZE').close()
    assert.equal(verifyAuditLog({ path: damaged, publicKey: VKEY }).kind, 'intact')
  })
})
