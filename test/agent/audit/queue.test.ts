import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { Gap } from '../../../agent/audit/gap.ts'
import { Intake } from '../../../agent/audit/intake.ts'
import { AuditQueue, Pending } from '../../../agent/audit/queue.ts'
import { stampEntry } from '../../../agent/audit/record.ts'
import { AUDIT_KINDS } from '../../../model/audit-kinds.ts'
import { entry, Folder, ManualClock, OpenLog, readRecords, START } from './fixture.ts'

const MAX = 16
const WAY = { channel: 'operators', source: '10.1.0.7' }

/** What somebody leaves who closes a valve. */
const CLOSE = [entry('command-intent', WAY), entry('command-outcome', WAY)]
/** What the agent has to say of itself. */
const OWN = [
  entry('trip', { actuator: 'valve-1' }),
  entry('trip-safe', { actuator: 'valve-1' }),
  entry('alarm', { alarm: 'trip' }),
]
const OWN_KINDS = OWN.map(({ kind }) => kind)

const kindsIn = (queue: AuditQueue) => queue.take(MAX).map(({ stamped }) => stamped.entry.kind)

describe('a trip finds room after any number of closes on a full disk', () => {
  it('in the queue', () => {
    const queue = new AuditQueue(MAX)
    const offer = (what: (typeof OWN)[number]) => queue.offer(new Pending(stampEntry(what, START, 0), 'kept'))
    for (let close = 0; close < 10 * MAX; close += 1) CLOSE.map(offer)
    assert.equal(queue.length, 12)
    assert.deepEqual(OWN.map(offer), [true, true, true])
    assert.deepEqual(kindsIn(queue).slice(12), OWN_KINDS)
  })

  it('through the intake, and what was not kept is counted', async () => {
    const queue = new AuditQueue(MAX)
    const gap = new Gap()
    const intake = new Intake(queue, gap, new ManualClock())
    for (let close = 0; close < 10 * MAX; close += 1)
      for (const what of CLOSE)
        assert.equal((await intake.take(what, 'kept', 'the disk is full')).kind, 'unwritable')
    for (const what of OWN) await intake.take(what, 'kept', 'the disk is full')
    assert.deepEqual(kindsIn(queue).slice(12), OWN_KINDS)
    const counted = [...(gap.take()?.dropped ?? [])]
    assert.deepEqual(
      counted,
      CLOSE.map(({ kind }) => [kind, 10 * MAX - 6]),
    )
  })

  it('and is in the log when that takes records again', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, {
      limits: { queue: MAX, batch: 4, retry: 1000, stall: 5000, checkpoint: 60_000 },
    })
    const other = new Database(folder.log)
    other.exec('BEGIN IMMEDIATE')
    for (let close = 0; close < 10 * MAX; close += 1)
      for (const what of CLOSE) assert.equal((await open.log.appendOrKeep(what)).kind, 'unwritable')
    for (const what of OWN) open.log.note(what)
    other.exec('ROLLBACK')
    other.close()
    await open.until(() => open.troubles.at(-1)?.kind === 'healed' && open.log.state().queue === 0)
    const kinds = readRecords(folder.log).map(({ kind, alarm }) => (alarm === 'audit-gap' ? alarm : kind))
    assert.deepEqual(
      kinds.filter(kind => !String(kind).startsWith('command-') && kind !== 'audit-gap'),
      OWN_KINDS,
    )
    assert.ok(kinds.includes('audit-gap'))
  })
})

describe('records of requests', () => {
  it('are held to a part of the queue together, whatever was asked', () => {
    const requests = Object.entries(AUDIT_KINDS).filter(([, { always, sometimes }]) =>
      [...always, ...sometimes].some(member => member === 'channel'),
    )
    assert.ok(requests.length >= 15)
    for (const [kind] of [...requests, ['refusals-summarised']]) {
      const queue = new AuditQueue(MAX)
      const asked = entry(kind as keyof typeof AUDIT_KINDS, kind === 'refusals-summarised' ? {} : WAY)
      for (let count = 0; count < 2 * MAX; count += 1)
        queue.offer(new Pending(stampEntry(asked, START, 0), 'kept'))
      assert.equal(queue.length, 12, kind)
    }
  })

  it('leave the rest to the agent alone: its own may fill all of it', () => {
    const queue = new AuditQueue(MAX)
    for (let count = 0; count < 2 * MAX; count += 1)
      queue.offer(new Pending(stampEntry(entry('lockout-ended'), START, 0), 'kept'))
    assert.equal(queue.length, MAX)
  })
})
