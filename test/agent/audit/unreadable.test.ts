import assert from 'node:assert/strict'
import { closeSync, openSync, writeSync } from 'node:fs'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import type { Position } from '../../../agent/audit/forward/cursor.ts'
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

  it('is forwarded without those: the gap is said once, in their place, and what comes after follows, also over a restart', async () => {
    using folder = damagedLog()
    await using open = await OpenLog.open(folder.log)
    const lost = await unreadableIn(open)
    assert.ok(lost.length > 0 && lost.length < RECORDS / 2, `${lost.length} lost`)
    const rig = forwarderRig(open)
    {
      await using _forwarder = rig.forward()
      await open.until(() => rig.position?.next === RECORDS)
    }
    const [from = 0] = lost
    const to = from + lost.length
    const expected = [
      ...Array.from({ length: from }, (_, seq) => seq),
      `gap ${from} to ${to}`,
      ...Array.from({ length: RECORDS - to }, (_, index) => to + index),
    ]
    assert.deepEqual(rig.arrived, expected)
    assert.deepEqual(rig.gaps, [`${from} to ${to}`])
    assert.match(
      rig.troubles.join('\n'),
      new RegExp(`^\\n?record ${from} cannot be read: the audit log file is damaged`, 'm'),
    )
    assert.equal(rig.troubles.at(-1), undefined, 'it is over')

    assert.equal((await open.log.append(intent(RECORDS))).kind, 'durable')
    await using _again = rig.forward()
    await open.until(() => rig.position?.next === RECORDS + 1)
    assert.deepEqual(rig.arrived, [...expected, RECORDS])
    assert.equal(rig.gaps.length, 1)
    assert.equal(open.log.state().unwritable, undefined)
  })

  it('is gone on from where only what was sent last cannot be read any more: that is no gap', async () => {
    using folder = damagedLog()
    await using open = await OpenLog.open(folder.log)
    const lost = await unreadableIn(open)
    const next = (lost.at(-1) ?? 0) + 1
    const rig = forwarderRig(open)
    const found = await open.log.recordsAfter(RECORDS, 1)
    rig.position = { log: (found.kind === 'records' && found.log) || '', next, last: 'of that time' }
    await using _forwarder = rig.forward()
    await open.until(() => rig.position?.next === RECORDS)
    assert.deepEqual(
      rig.arrived,
      Array.from({ length: RECORDS - next }, (_, index) => next + index),
    )
    assert.deepEqual(rig.gaps, [])
  })

  it('waits where nothing behind can be read, names the first, and is tried ever more seldom', async () => {
    using folder = damagedLog()
    await using open = await OpenLog.open(folder.log)
    const rig = forwarderRig(open, RECORDS / 2)
    await using _forwarder = rig.forward()
    await open.until(() => rig.troubles.at(-1) !== undefined)
    const stopped = rig.arrived.length
    assert.ok(stopped > 0 && stopped < RECORDS, `${stopped} arrived`)
    assert.match(
      rig.troubles.at(-1) ?? '',
      new RegExp(`^record ${stopped} cannot be read: the audit log file`),
    )
    const before = rig.asked
    const began = open.clock.monotonic()
    await open.until(() => open.clock.monotonic() - began >= 600_000)
    assert.ok(rig.asked - before <= 1000, `${rig.asked - before} questions in ten minutes`)
    assert.equal(rig.troubles.filter(detail => detail !== undefined).length, 1, 'it is told once')
    assert.deepEqual(rig.gaps, [])
  })
})

/** Forwarders of a log that keep how far they came, and what of them arrived and was told. From `ends` on nothing can be read. */
function forwarderRig(open: OpenLog, ends = Number.POSITIVE_INFINITY) {
  const rig = {
    arrived: [] as (number | string)[],
    troubles: [] as (string | undefined)[],
    gaps: [] as string[],
    asked: 0,
    position: undefined as Position | undefined,
  }
  const forward = () =>
    new Forwarder<number | string>({
      source: {
        recordsAfter: async (seq, most) => {
          rig.asked += 1
          const found = await open.log.recordsAfter(seq, most)
          const isPast = found.kind === 'records' && found.records.some(record => record.seq >= ends)
          return isPast ? { kind: 'unreadable', detail: 'the audit log file is damaged' } : found
        },
      },
      cursor: {
        load: async () => rig.position,
        save: async at => {
          rig.position = at
        },
      },
      deliver: async messages => {
        rig.arrived.push(...messages)
        return { kind: 'delivered' }
      },
      format: ({ seq }) => seq,
      formatGap: ({ from, to }) => `gap ${from} to ${to}`,
      clock: open.clock,
      onTrouble: detail => rig.troubles.push(detail),
      onGap: ({ from, to }) => rig.gaps.push(`${from} to ${to}`),
    })
  return Object.assign(rig, { forward })
}

/** The records that cannot be read, one by one. */
async function unreadableIn(open: OpenLog): Promise<number[]> {
  const lost: number[] = []
  for (let seq = 0; seq < RECORDS; seq += 1)
    if ((await open.log.recordsAfter(seq - 1, 1)).kind === 'unreadable') lost.push(seq)
  return lost
}

/** A log with a page of old records in its middle that is overwritten: as by a disk that loses a sector. */
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
