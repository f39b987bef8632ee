import assert from 'node:assert/strict'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { parseCheckpoint, RECORDS_PER_CHECKPOINT } from '../../../agent/audit/checkpoint.ts'
import { type Failure, failureOf } from '../../../agent/audit/failure.ts'
import { leafHash } from '../../../agent/audit/merkle.ts'
import { stampEntry } from '../../../agent/audit/record.ts'
import { openDatabase, SCHEMA_VERSION } from '../../../agent/audit/schema.ts'
import { AuditStore, type Head } from '../../../agent/audit/store.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import { candidate, Folder, SIGNER, tamper, writeLog } from './fixture.ts'
import { naiveRoot } from './naive-root.ts'

function failureOfOpening(path: string, mode: 'create' | 'existing' = 'existing', known?: Head): Failure {
  try {
    new AuditStore(path, 'boot-2', mode, known)[Symbol.dispose]()
  } catch (error) {
    return failureOf(error)
  }
  return assert.fail('it opened')
}

describe("the log's file", () => {
  it('keeps every commit: write-ahead logging, and an fsync in each commit', () => {
    using folder = new Folder()
    const { database } = openDatabase(folder.log, 'create')
    assert.equal(database.pragma('journal_mode', { simple: true }), 'wal')
    assert.equal(database.pragma('synchronous', { simple: true }), 2)
    database.close()
  })

  it('has every record once in its bytes, and no older copy where a page has free space', () => {
    using folder = new Folder()
    {
      using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
      for (let seq = 0; seq < 100; seq += 1) store.append(seq, [candidate(seq)], false, undefined)
    }
    const file = readFileSync(folder.log, 'latin1')
    assert.equal(file.split('"kind":"command-intent"').length - 1, 100)
  })

  it('is for its owner alone, with the files beside it', () => {
    using folder = new Folder()
    using _store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    for (const end of ['', '-wal', '-shm'])
      assert.equal(statSync(`${folder.log}${end}`).mode & 0o777, 0o600, `audit.db${end}`)
  })

  it('has the columns that one looks for records by, with an index for each', () => {
    using folder = new Folder()
    writeLog(folder.log, 6, 64)
    const database = new Database(folder.log, { readonly: true })
    const query = 'SELECT seq FROM record WHERE actuator = ? AND time >= ? ORDER BY time'
    assert.deepEqual(database.prepare(query).pluck().all('valve-1', '2026-01-01T00:00:02.000Z'), [3, 5])
    for (const [column, index] of [
      ['actuator', 'record_actuator'],
      ['credential', 'record_credential'],
      ['kind', 'record_kind'],
    ]) {
      const plan = database
        .prepare(`EXPLAIN QUERY PLAN SELECT seq FROM record WHERE ${column} = ? AND time >= ?`)
        .all('x', 'y')
      assert.match(JSON.stringify(plan), new RegExp(`USING (COVERING )?INDEX ${index}`))
    }
    database.close()
  })

  it('has a signed checkpoint after every 64 records, within one commit too', () => {
    using folder = new Folder()
    {
      using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
      const many = Array.from({ length: 200 }, (_, index) => candidate(index))
      assert.equal(store.append(0, many, true, SIGNER).checkpoint?.size, 200, 'the last one is given away')
    }
    const database = new Database(folder.log, { readonly: true })
    const sizes = database.prepare('SELECT size FROM checkpoint WHERE note IS NOT NULL').pluck().all()
    assert.deepEqual(sizes, [64, 128, 192, 200])
    database.close()
  })

  it('does not let a record be changed or deleted by a slip of the hand', () => {
    using folder = new Folder()
    writeLog(folder.log, 3, 64)
    const database = new Database(folder.log)
    assert.throws(() => database.exec('DELETE FROM record WHERE seq = 1'), /not deleted/)
    assert.throws(() => database.exec("UPDATE record SET bytes = '{}' WHERE seq = 1"), /not changed/)
    database.close()
  })

  it('takes an entry whose members are not of the kind that the columns expect', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    const stamped = candidate(0).stamped
    const entry = {
      kind: 'alarm',
      credential: 5,
      nonce: ['x'],
      created: 'never',
      actuator: { a: true },
    } as const
    assert.deepEqual(
      store.append(0, [{ stamped: { ...stamped, entry }, wanted: true }], false, undefined).seqs,
      [0],
    )
    assert.deepEqual(store.recentNonces(0), [])
  })

  it('takes any entry at all, so that no record can stand in the way of the next', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    const anyValue = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.double(), fc.bigInt())
    const names = fc.constantFrom('credential', 'actuator', 'nonce', 'created', 'time', 'kind', 'x')
    fc.assert(
      fc.property(fc.dictionary(names, anyValue), members => {
        const base = store.head.size
        const stamped = stampEntry({ kind: 'alarm', ...members } as AuditEntry, 0, 0)
        assert.deepEqual(store.append(base, [{ stamped, wanted: true }], false, SIGNER).seqs, [base])
        store.recentNonces(0)
      }),
    )
  })

  it('keeps a checkpoint at the latest after so many records, in the same commit', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    const sizes: number[] = []
    for (let index = 0; index < 200; index += 1) {
      const { checkpoint } = store.append(index, [candidate(index)], false, SIGNER)
      if (checkpoint) sizes.push(checkpoint.size)
      if (checkpoint) assert.equal(parseCheckpoint(checkpoint.note ?? '')?.size, checkpoint.size)
    }
    assert.deepEqual(
      sizes,
      [1, 2, 3].map(times => times * RECORDS_PER_CHECKPOINT),
    )
  })

  it('signs the root of the definition', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    const { checkpoint } = store.append(
      0,
      Array.from({ length: 11 }, (_, index) => candidate(index)),
      true,
      SIGNER,
    )
    const database = new Database(folder.log, { readonly: true })
    const bytes = database.prepare('SELECT bytes FROM record ORDER BY seq').pluck().all() as string[]
    database.close()
    const root = parseCheckpoint(checkpoint?.note ?? '')?.root
    assert.deepEqual(Buffer.from(root ?? []), naiveRoot(bytes.map(text => Buffer.from(text))))
  })

  it('gives a checkpoint that was made without a key its signature when the key comes', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    assert.equal(store.append(0, [candidate(0)], true, undefined).checkpoint?.note, undefined)
    const note = store.append(1, [], true, SIGNER).checkpoint?.note
    assert.ok(note)
    assert.equal(store.append(1, [], true, SIGNER).checkpoint?.note, note, 'and keeps it')
    assert.equal(store.append(1, [], true, undefined).checkpoint?.note, note, 'also without the key')
  })

  it('goes on where it ended, from its last checkpoint and the records after it', () => {
    using folder = new Folder()
    writeLog(folder.log, 77, 10)
    using store = new AuditStore(folder.log, 'boot-1', 'existing', undefined)
    assert.equal(store.head.size, 77)
    const { seqs, checkpoint } = store.append(77, [candidate(77)], true, SIGNER)
    assert.deepEqual(seqs, [77])
    const database = new Database(folder.log, { readonly: true })
    const bytes = database.prepare('SELECT bytes FROM record ORDER BY seq').pluck().all() as string[]
    database.close()
    const root = parseCheckpoint(checkpoint?.note ?? '')?.root
    assert.deepEqual(Buffer.from(root ?? []), naiveRoot(bytes.map(text => Buffer.from(text))))
  })

  it('acknowledges nothing that a trigger kept out, wherever that came from', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    store.append(0, [candidate(0)], true, SIGNER)
    for (const table of ['record', 'checkpoint'])
      new Database(folder.log)
        .exec(`CREATE TRIGGER trap_${table} BEFORE INSERT ON ${table} BEGIN SELECT RAISE(IGNORE); END`)
        .close()
    assert.throws(() => store.append(1, [candidate(1)], false, SIGNER), /left out what was written/)
    new Database(folder.log).exec('DROP TRIGGER trap_record').close()
    assert.throws(() => store.append(1, [candidate(1)], true, SIGNER), /left out what was written/)
    new Database(folder.log).exec('DROP TRIGGER trap_checkpoint').close()
    assert.deepEqual(store.append(1, [candidate(1)], true, SIGNER).seqs, [1])
  })

  it('does not write a second time what was committed without an answer', () => {
    using folder = new Folder()
    const three = [candidate(0), candidate(1), candidate(2)]
    {
      using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
      store.append(0, three, false, undefined)
    }
    using store = new AuditStore(folder.log, 'boot-1', 'existing', undefined)
    assert.deepEqual(store.append(0, [...three, candidate(3)], false, undefined).seqs, [0, 1, 2, 3])
    assert.equal(store.head.size, 4)
  })

  it('does not write what nobody wants any more, and says whether it is there all the same', () => {
    using folder = new Folder()
    using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
    store.append(0, [candidate(0)], false, undefined)
    const again = [candidate(0, false), candidate(1, false), candidate(2)]
    assert.deepEqual(store.append(0, again, false, undefined).seqs, [0, undefined, 1])
  })

  it('gives the nonces of signatures since a moment, that moment included', () => {
    using folder = new Folder()
    writeLog(folder.log, 10, 64)
    using store = new AuditStore(folder.log, 'boot-2', 'existing', undefined)
    const all = store.recentNonces(0)
    assert.equal(all.length, 10)
    assert.deepEqual(store.recentNonces(all[7]?.created ?? 0), all.slice(7))
  })
})

describe("the log's file is refused, with the reason,", () => {
  it('when it is missing', () => {
    using folder = new Folder()
    assert.deepEqual(failureOfOpening(folder.log).kind, 'missing')
    assert.match(failureOfOpening(`${folder.path}/no/folder`, 'create').detail, /ENOENT/)
  })

  it('when a newer program wrote it', () => {
    using folder = new Folder()
    writeLog(folder.log, 1, 64)
    tamper(folder.log, database => database.pragma(`user_version = ${SCHEMA_VERSION + 1}`))
    const { kind, detail } = failureOfOpening(folder.log)
    assert.equal(kind, 'foreign')
    assert.match(detail, /schema 3, and this program knows 2: a newer/)
  })

  const damages: [when: string, damage: (path: string) => void, says: RegExp][] = [
    ['it is empty', path => truncateSync(path, 0), /is empty/],
    [
      'it is no database',
      path => writeFileSync(path, 'a text of some length\n'.repeat(300)),
      /not an audit log/,
    ],
    ['it is cut in the middle of a page', path => truncateSync(path, 5000), /damaged/],
    [
      'it is another database',
      path => tamper(path, database => database.pragma('application_id = 1')),
      /not a holdfast audit log/,
    ],
    [
      'its end was cut off',
      path => tamper(path, database => database.exec('DELETE FROM record WHERE seq > 17')),
      /a checkpoint covers 20/,
    ],
    [
      'a record after the last checkpoint is missing',
      path => tamper(path, database => database.exec('DELETE FROM record WHERE seq = 22')),
      /record 22 is missing/,
    ],
    [
      'its last checkpoint contradicts itself',
      path =>
        tamper(path, database => database.exec('UPDATE checkpoint SET root = zeroblob(32) WHERE size = 20')),
      /contradicts itself/,
    ],
  ]
  for (const [when, damage, says] of damages) {
    it(`when ${when}`, () => {
      using folder = new Folder()
      writeLog(folder.log, 25, 10)
      damage(folder.log)
      const { kind, detail, remedy } = failureOfOpening(folder.log)
      assert.equal(kind, 'corrupt')
      assert.match(detail, says)
      assert.ok(remedy.length > 20)
    })
  }

  it('when it lacks records that were acknowledged', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    const { kind, detail } = failureOfOpening(folder.log, 'existing', {
      size: 30,
      leaf: leafHash(Buffer.from('x')),
    })
    assert.equal(kind, 'corrupt')
    assert.match(detail, /record 29 was acknowledged/)
  })
})
