import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlarmFile } from '../../../agent/alarms/alarm-file.ts'
import { Alarms } from '../../../agent/alarms/alarms.ts'
import { ForeignSites } from '../../../agent/alarms/foreign-sites.ts'
import { RefusalTallies, UNSIGNED } from '../../../agent/audit/refusals.ts'
import type { Channel, Received } from '../../../agent/command/received.ts'
import { Refusals } from '../../../agent/command/refusals.ts'
import { refuse, type Who } from '../../../agent/command/refused.ts'
import { AuthenticationFailures } from '../../../failsafe/authentication-failures.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import { canonicalJson, type Json } from '../../../model/json.ts'
import type { RefusalCode } from '../../../model/refusal.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'

const DAY = 86_400_000
const START = Date.UTC(2026, 0, 1)
/** What a record takes in the file beside its own bytes: hash, columns, indexes. */
const ROW = 200
/** What costs most of all that a path may have in it. */
const PATH = `/${'"'.repeat(8000)}`
const WHO: Who = { subject: 'alice', serial: 'AAECAwQFBgcICQoL', nonce: 'n', created: 1 }
const CODES: readonly RefusalCode[] = ['signature-invalid', 'signature-missing', 'replayed', 'foreign-site']

/** When requests come, in seconds: `isOn` of a day. The timing is the attacker's. */
const TIMINGS = {
  'all day': () => true,
  'again and again after little more than a minute of quiet': second => second % 70 < 10,
  'an hour, and two of quiet': second => second % 10_800 < 3600,
  'a burst of a quarter of an hour, and two hours of quiet': second => second % 8110 < 900,
} as const satisfies Record<string, (second: number) => boolean>

/** The records of one day, in which requests without a credential come to every actuator over every listener. */
async function attack(actuators: number, listeners: number, isOn: (second: number) => boolean) {
  const clock = new VirtualClock(START)
  const count = { records: 0, bytes: 0, alarms: 0 }
  const write = (entry: AuditEntry) => {
    const header = { seq: 1_000_000, boot: 'x'.repeat(36), time: 'x'.repeat(24), mono_ms: DAY }
    const text = canonicalJson({ ...(entry as unknown as Record<string, Json>), ...header })
    count.records += 1
    count.bytes += Buffer.byteLength(text) + ROW
    if (entry.kind === 'alarm') count.alarms += 1
  }
  const file = { load: async () => undefined, save: async () => {} } as unknown as AlarmFile
  const listener = { note: write, told: () => {}, surplus: () => {} }
  const alarms = new Alarms(file, undefined, clock, listener)
  // What was held back is told when its minute is over.
  alarms.watch({})
  const sites = new ForeignSites(clock, alarms)
  const limits = { limit: 5, warn: 3, leakEvery: 60_000, tripsPerDay: 10 }
  const failures = new AuthenticationFailures(limits, clock, () => {})
  const tallies = new RefusalTallies(UNSIGNED)
  const ids = Array.from({ length: actuators }, (_, index) => `actuator-${index}`)
  const refusals = new Refusals({
    audit: { append: async () => ({ kind: 'durable', seq: 1 }) } as never,
    book: {
      admits: key => tallies.count(key, { wall: clock.wall(), monotonic: clock.monotonic() }),
      note: write,
      spend: () => tallies.spend(clock.monotonic()),
    },
    failures,
    trips: { phase: () => 'normal' } as never,
    actuators: new Map(ids.map(id => [id, { tripsOnFailures: true }])),
    heard: ({ refusal }, { channel, source }) => {
      if (refusal.code === 'foreign-site') sites.refused(channel.name, refusal.detail, source)
    },
    alarm: (actuator, detail) => alarms.raise('authentication-failures', detail, { actuator }),
    suspend: () => {},
    closeListener: () => {},
  })
  for (let second = 0; second < 86_400; second += 20) {
    if (isOn(second))
      for (let lan = 0; lan < listeners; lan += 1) {
        const channel: Channel = { name: `lan-${lan}`, unattributed: 'alarm', admin: false }
        for (const [index, id] of ids.entries())
          for (const code of CODES) {
            const source = `fd00:aaaa:bbbb:cccc:dddd:eeee:${index.toString(16)}:${(second % 251).toString(16)}`
            const received = { channel, source, method: 'POST', path: PATH } as Received
            // A foreign site's name is cut where it is read.
            const detail = `a page of https://${second}.example made ${PATH.slice(0, code === 'foreign-site' ? 100 : 8000)}`
            void refusals.of(
              received,
              refuse(code, detail, undefined, code === 'replayed' ? WHO : undefined),
              id,
              { latency: 1234.567 },
            )
          }
      }
    for (const entry of tallies.ended(clock.monotonic())) write(entry)
    await clock.advance(20_000)
  }
  for (const entry of tallies.all()) write(entry)
  return count
}

for (const [timing, isOn] of Object.entries(TIMINGS)) {
  for (const actuators of [1, 5, 20]) {
    test(`whoever has no credential adds at most 8000 records and 10 MB to the log in a day, alarms and all: ${actuators} actuators, ${timing}`, async () => {
      const { records, bytes, alarms } = await attack(actuators, 2, isOn)
      assert.ok(alarms > 0)
      assert.ok(records <= 8000, `${records} records, ${alarms} of alarms`)
      assert.ok(bytes <= 10_000_000, `${bytes} bytes in ${records} records, ${alarms} of alarms`)
    })
  }
}
