import assert from 'node:assert/strict'
import { closeSync, openSync, writeSync } from 'node:fs'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { Forwarder } from '../../../agent/audit/forward/forwarder.ts'
import { Folder, intent, OpenLog, writeLog } from './fixture.ts'

const RECORDS = 1000

describe('the audit log, when a page with old records is damaged,', () => {
  it('takes records as before, and says that it cannot be read, once', async () => {
    using folder = damagedLog()
    await using open = await OpenLog.open(folder.log)
    for (let round = 0; round < 3; round += 1) {
      const found = await open.log.recordsAfter(-1, RECORDS)
      assert.equal(found.kind, 'unreadable')
      assert.equal((await open.log.append(intent(RECORDS + round))).kind, 'durable')
      assert.equal(open.log.state().unwritable, undefined)
    }
    assert.deepEqual(
      open.troubles.map(({ kind }) => kind),
      ['unreadable'],
    )
    assert.match(open.troubles[0]?.detail ?? '', /^the audit log file is damaged \(SQLITE_CORRUPT/)
    const after = await open.log.recordsAfter(RECORDS - 1, 10)
    assert.equal(after.kind === 'records' && after.records.length, 3, 'what is not damaged is read')
  })

  it('is forwarded up to there; the forwarder names the record that it cannot pass, and tries it ever more seldom', async () => {
    using folder = damagedLog()
    await using open = await OpenLog.open(folder.log)
    const arrived: number[] = []
    const troubles: (string | undefined)[] = []
    let asked = 0
    let position: { log: string; next: number } | undefined
    await using _forwarder = new Forwarder<number>({
      source: {
        recordsAfter: (seq, most) => {
          asked += 1
          return open.log.recordsAfter(seq, most)
        },
      },
      cursor: {
        load: async () => position,
        save: async at => {
          position = at
        },
      },
      deliver: async seqs => {
        arrived.push(...seqs)
        return { kind: 'delivered' }
      },
      format: ({ seq }) => seq,
      clock: open.clock,
      onTrouble: detail => troubles.push(detail),
    })
    await open.until(() => troubles.at(-1) !== undefined)
    const stopped = arrived.length
    assert.ok(stopped > 0 && stopped < RECORDS, `${stopped} arrived`)
    assert.deepEqual(
      arrived,
      Array.from({ length: stopped }, (_, seq) => seq),
    )
    assert.match(
      troubles.at(-1) ?? '',
      new RegExp(`^record ${stopped} cannot be read: the audit log file is damaged`),
    )
    const before = asked
    const began = open.clock.monotonic()
    await open.until(() => open.clock.monotonic() - began >= 600_000)
    assert.ok(asked - before <= 100, `${asked - before} questions in ten minutes`)
    assert.equal(troubles.filter(detail => detail !== undefined).length, 1, 'it is told once')
    assert.equal(open.log.state().unwritable, undefined)
  })
})

/** A log with a page in its middle, of old records, that is overwritten: as by a disk that loses a sector. */
function damagedLog(): Folder {
  const folder = new Folder()
  writeLog(folder.log, RECORDS, 50)
  const database = new Database(folder.log, { readonly: true })
  const size = database.pragma('page_size', { simple: true }) as number
  const pages = database
    .prepare("SELECT pageno FROM dbstat WHERE name = 'record' AND pagetype = 'leaf' ORDER BY path")
    .pluck()
    .all() as number[]
  database.close()
  const page = pages[Math.floor(pages.length / 2)] ?? assert.fail('the log has one page')
  const file = openSync(folder.log, 'r+')
  writeSync(file, Buffer.alloc(64, 0xff), 0, 64, (page - 1) * size)
  closeSync(file)
  return folder
}
