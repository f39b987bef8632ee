import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { Evidence } from '../../../agent/audit/evidence.ts'
import type { RefusalKey } from '../../../agent/audit/refusals.ts'
import { searchRecords } from '../../../agent/audit/search.ts'
import { parseRecord } from '../../../agent/audit/words.ts'
import { RefusalBook } from '../../../agent/command/refusal-book.ts'
import { type Consequences, Refusals } from '../../../agent/command/refusals.ts'
import { refuse } from '../../../agent/command/refused.ts'
import { commandRig } from './rig.ts'

async function refusalsRig() {
  const rig = await commandRig()
  const admitted: (RefusalKey & { isSigned: boolean })[] = []
  const { noted, audit, failures, trips, commands } = rig
  const consequences: Consequences = {
    audit,
    book: {
      admits: (kind, isSigned) => admitted.push({ ...kind, isSigned }) > 0,
      note: entry => void noted.push(entry),
      spend: () => {},
    },
    failures,
    trips,
    actuators: commands.actuators,
    alarm: () => {},
    suspend: () => {},
    closeListener: () => {},
  }
  return { ...rig, consequences, refusals: new Refusals(consequences), admitted }
}

const WHO = { subject: 'alice', serial: 's', nonce: 'n', created: 1 }

const AT_ONCE = { latency: 1234.567 }

/** What costs most bytes of all that a path may have in it: each is two in JSON. */
const LONG = `/${'"'.repeat(8000)}`

test('what nobody signed is recorded with the beginning of its path and of what was said of it, in less than 1200 bytes', async () => {
  await using rig = await refusalsRig()
  const received = { ...rig.sign(rig.issue()), path: LONG, source: 'fd00:aaaa:bbbb:cccc:dddd:eeee:ffff:1111' }
  await rig.refusals.of(
    received,
    refuse('not-found', `there is nothing at ${LONG}`),
    `a${'-'.repeat(62)}`,
    AT_ONCE,
  )
  const [entry] = rig.noted
  assert.equal(entry?.path, `/${'"'.repeat(199)}… (7801 more)`)
  assert.match(String(entry?.detail), /^there is nothing at \/"{179}… \(7821 more\)$/)
  assert.ok(Buffer.byteLength(JSON.stringify(entry)) < 1200)
})

test('half a character is not kept where a text is cut', async () => {
  await using rig = await refusalsRig()
  await rig.refusals.of(
    rig.sign(rig.issue()),
    refuse('not-found', `${'x'.repeat(199)}😀`),
    undefined,
    AT_ONCE,
  )
  assert.match(String(rig.noted[0]?.detail), /x\ufffd… \(1 more\)/)
})

test('what somebody signed is recorded with all that was said of it, by who signed it; a copy of it by where it came from', async () => {
  await using rig = await refusalsRig()
  const detail = 'x'.repeat(500)
  const received = rig.sign(rig.issue())
  await rig.refusals.of(received, refuse('tripped', detail, undefined, WHO), 'valve', AT_ONCE)
  assert.deepEqual(rig.admitted, [{ code: 'tripped', subject: 'alice', actuator: 'valve', isSigned: true }])
  assert.equal((await rig.audit.records('refusal', 0, 1)).kind, 'records')
  await rig.refusals.of(received, refuse('replayed', 'seen', undefined, WHO), 'valve', AT_ONCE)
  assert.deepEqual(rig.admitted[1], {
    code: 'replayed',
    source: '10.1.2.3',
    actuator: 'valve',
    isSigned: false,
  })
})

const summaries: [whose: string, who: typeof WHO | undefined, of: object, found: number][] = [
  ['somebody signed are found by who signed them, and under no address', WHO, { subject: 'alice' }, 1],
  ['nobody signed are under their address, and found by no name', undefined, { source: '10.1.2.3' }, 0],
]
for (const [whose, who, of, found] of summaries) {
  test(`refusals that are counted instead of recorded: those that ${whose}`, async () => {
    await using rig = await refusalsRig()
    const book = new RefusalBook(rig.audit, pino({ level: 'silent' }), rig.clock)
    const refusals = new Refusals({ ...rig.consequences, book })
    for (let count = 0; count < 15; count += 1)
      await refusals.of(rig.sign(rig.issue()), refuse('tripped', '', undefined, who), 'valve', AT_ONCE)
    await book[Symbol.asyncDispose]()
    // What is awaited is durable after everything that was noted before it.
    await rig.audit.append({ kind: 'agent-stopped' })
    using log = Evidence.open(rig.auditPath)
    const kind = 'refusals-summarised'
    const [summary, ...others] = [...searchRecords(log.database, { kind }, 'oldest-first', 9)]
    assert.deepEqual(others, [])
    const { code, count, actuator, subject, source } = parseRecord(summary?.text ?? '')
    assert.deepEqual(
      { code, count, actuator, subject, source },
      { code: 'tripped', count: 5, actuator: 'valve', subject: undefined, source: undefined, ...of },
    )
    const byName = searchRecords(log.database, { kind, actor: 'alice' }, 'oldest-first', 9)
    assert.equal([...byName].length, found)
  })
}

test('an actuator that there is not makes no kind of its own', async () => {
  await using rig = await refusalsRig()
  for (const id of ['ghost-1', 'ghost-2'])
    await rig.refusals.of(rig.sign(rig.issue()), refuse('signature-invalid', ''), id, AT_ONCE)
  assert.deepEqual(
    rig.admitted.map(({ actuator }) => actuator),
    [undefined, undefined],
  )
  assert.equal(rig.noted[0]?.actuator, 'ghost-1', 'and the record says what was aimed at')
})
