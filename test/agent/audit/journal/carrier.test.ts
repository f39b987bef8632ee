import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { eventOf } from '../../../../agent/audit/export/event.ts'
import { JournalCarrier } from '../../../../agent/audit/journal/carrier.ts'
import { formatJournalEntry, messageId } from '../../../../agent/audit/journal/entry.ts'
import { systemClock } from '../../../../agent/time/system-clock.ts'
import type { AuditEntry } from '../../../../model/audit.ts'
import { entry as anyEntry, Folder } from '../fixture.ts'
import { Journald } from './journald.ts'

const SOURCE = { environment: 'north-works', gateway: 'gateway-7' }
const FOREVER = new AbortController().signal
const HEADER = { boot: 'b', time: '2026-01-01T00:00:00.000Z', mono_ms: 5 }

const entryOf = (seq: number, entry: AuditEntry): Buffer =>
  formatJournalEntry(eventOf({ seq, text: JSON.stringify({ ...entry, ...HEADER, seq }) }, SOURCE))

/** The senders that this process has (proc(5)); one that has ended and was not waited for yet is none. */
function senders(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  return children
    .map(Number)
    .filter(pid => /^\d+ \(perl\) [^Z]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
}

/** A journal, and a carrier to its socket. */
async function bench() {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(new Folder())
  const path = join(folder.path, 'socket')
  const dropped: number[] = []
  const carrier = stack.use(new JournalCarrier(path, systemClock, count => dropped.push(count)))
  return { path, carrier, dropped, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe('an audit record in the journal', () => {
  it('has its members as fields, by which it is found, and words for a person', async () => {
    await using at = await bench()
    await using journald = await Journald.listen(at.path)
    const outcome = anyEntry('command-outcome', {
      actuator: 'drain-valve',
      outcome: 'mismatch',
      subject: 'alice',
      asked: 'open',
      found: { between: ['open', 'closed'] },
      issuedUntil: 4,
      latency_ms: 80,
    })
    await at.carrier.send([entryOf(7, outcome)], FOREVER)
    const [entry] = await journald.until(1)
    assert.deepEqual(entry, {
      MESSAGE: entry?.MESSAGE,
      MESSAGE_ID: messageId('command-outcome'),
      PRIORITY: '3',
      SYSLOG_FACILITY: '13',
      SYSLOG_IDENTIFIER: 'holdfast-audit',
      HOLDFAST_ENVIRONMENT: 'north-works',
      HOLDFAST_GATEWAY: 'gateway-7',
      HOLDFAST_SEQ: '7',
      HOLDFAST_KIND: 'command-outcome',
      HOLDFAST_ACTUATOR: 'drain-valve',
      HOLDFAST_OUTCOME: 'mismatch',
      HOLDFAST_SUBJECT: 'alice',
      HOLDFAST_ASKED: 'open',
      HOLDFAST_FOUND: '{"between":["open","closed"]}',
      HOLDFAST_ISSUEDUNTIL: '4',
      HOLDFAST_LATENCY_MS: '80',
      HOLDFAST_BOOT: 'b',
      HOLDFAST_TIME: HEADER.time,
      HOLDFAST_MONO_MS: '5',
    })
    assert.match(entry?.MESSAGE ?? '', /^command-outcome drain-valve mismatch alice: open, found between/)
  })

  it('cannot be made to say something else: lines, equals signs and names of fields in a text stay in it', async () => {
    await using at = await bench()
    await using journald = await Journald.listen(at.path)
    const text = 'because\nPRIORITY=0\nHOLDFAST_OUTCOME=verified\n\u0000=\n'
    const forged = {
      kind: 'refusal',
      reason: text,
      priority: '0',
      'message\n=': 'x',
    } as unknown as AuditEntry
    await at.carrier.send([entryOf(1, forged)], FOREVER)
    const [entry] = await journald.until(1)
    assert.equal(entry?.HOLDFAST_REASON, text)
    assert.deepEqual(
      [entry?.PRIORITY, entry?.HOLDFAST_OUTCOME, entry?.HOLDFAST_PRIORITY],
      ['4', undefined, '0'],
    )
    assert.equal(entry?.HOLDFAST_MESSAGE__, 'x')
  })

  it('has an identifier for each kind: 128 bits that never change', () => {
    assert.equal(messageId('trip'), 'f4b423ddaf1520b485401ebf7b0ffa8b')
    assert.match(messageId('alarm'), /^[0-9a-f]{32}$/)
  })
})

describe('the way to the journal', () => {
  it('keeps the order and every byte, also of many and of long ones', async () => {
    await using at = await bench()
    await using journald = await Journald.listen(at.path)
    const entries = Array.from({ length: 500 }, (_, seq) =>
      entryOf(seq, { kind: 'alarm', alarm: 'a', detail: `${'ä\n'.repeat(seq * 20)}end ${seq}` }),
    )
    assert.deepEqual(await at.carrier.send(entries, FOREVER), { kind: 'delivered' })
    const found = await journald.until(500)
    assert.deepEqual(
      found.map(({ HOLDFAST_SEQ }) => Number(HOLDFAST_SEQ)),
      entries.map((_, seq) => seq),
    )
    assert.ok(found[20]?.HOLDFAST_DETAIL?.endsWith('end 20'))
    assert.deepEqual(at.dropped, [])
  })

  it('says that nobody listens, and goes on when somebody does', async () => {
    await using at = await bench()
    const entries = [entryOf(0, { kind: 'agent-stopped' })]
    const none = await at.carrier.send(entries, FOREVER)
    assert.deepEqual(none, { kind: 'failed', detail: `${at.path}: there is no such socket`, arrived: 0 })
    await using journald = await Journald.listen(at.path)
    assert.deepEqual(await at.carrier.send(entries, FOREVER), { kind: 'delivered' })
    assert.equal((await journald.until(1)).length, 1)
  })

  it('says how many arrived before a journal stopped to take them, and is ended by a stop', async () => {
    await using at = await bench()
    await using journald = await Journald.listen(at.path)
    assert.deepEqual(await at.carrier.send([entryOf(0, { kind: 'agent-stopped' })], FOREVER), {
      kind: 'delivered',
    })
    await journald.until(1)
    journald.pause()
    const entries = Array.from({ length: 5000 }, (_, seq) => entryOf(seq, { kind: 'agent-stopped' }))
    const stop = new AbortController()
    const sending = at.carrier.send(entries, stop.signal)
    stop.abort()
    const cut = await sending
    assert.equal(cut.kind, 'failed')
    journald.resume()
  })

  it('has one sender, which serves batch after batch', async () => {
    await using at = await bench()
    await using journald = await Journald.listen(at.path)
    const found: number[][] = []
    for (let batch = 1; batch <= 3; batch += 1) {
      assert.equal(
        (await at.carrier.send([entryOf(batch, { kind: 'agent-stopped' })], FOREVER)).kind,
        'delivered',
      )
      await journald.until(batch)
      found.push(senders())
    }
    const [only] = found[0] ?? []
    assert.deepEqual(found, [[only], [only], [only]])
  })

  it('that was given up takes its own sender along, and not the one that comes after', async () => {
    await using at = await bench()
    await using journald = await Journald.listen(at.path)
    journald.pause()
    const many = Array.from({ length: 5000 }, (_, seq) => entryOf(seq, { kind: 'agent-stopped' }))
    const cut = await at.carrier.send(many, AbortSignal.abort())
    assert.equal(cut.kind, 'failed')
    journald.resume()
    const found: number[][] = []
    for (let batch = 1; batch <= 3; batch += 1) {
      const marked = entryOf(10_000 + batch, { kind: 'agent-stopped' })
      assert.equal((await at.carrier.send([marked], FOREVER)).kind, 'delivered')
      await journald.find(({ HOLDFAST_SEQ }) => HOLDFAST_SEQ === String(10_000 + batch))
      found.push(senders())
    }
    assert.deepEqual(found[1], found[2])
    assert.equal(found[2]?.length, 1)
  })

  it('counts what is too long for the socket, and sends the rest', async () => {
    await using at = await bench()
    await using journald = await Journald.listen(at.path)
    const entries = [Buffer.alloc(32 << 20, 'A'), entryOf(2, { kind: 'agent-stopped' })]
    assert.deepEqual(await at.carrier.send(entries, FOREVER), { kind: 'delivered' })
    assert.equal((await journald.until(1))[0]?.HOLDFAST_SEQ, '2')
    assert.deepEqual(at.dropped, [1])
  })
})
