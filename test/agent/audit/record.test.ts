import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { recordFault, recordText, stampEntry } from '../../../agent/audit/record.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import type { Json } from '../../../model/json.ts'

const WALL = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const textOf = (entry: object) => recordText(7, 'boot-1', stampEntry(entry as AuditEntry, WALL, 12.6))

describe('records', () => {
  it('are canonical JSON of header and entry, keys in order', () => {
    assert.equal(
      textOf({ kind: 'trip', actuator: 'valve-1', detail: 'five forgeries' }),
      '{"actuator":"valve-1","boot":"boot-1","detail":"five forgeries","kind":"trip","mono_ms":13,"seq":7,"time":"2026-01-02T03:04:05.678Z"}',
    )
  })

  it('do not let an entry speak for the header', () => {
    const read = JSON.parse(textOf({ kind: 'alarm', seq: 99, boot: 'x', time: 'x', mono_ms: 1 }))
    assert.deepEqual(read, {
      kind: 'alarm',
      seq: 7,
      boot: 'boot-1',
      time: '2026-01-02T03:04:05.678Z',
      mono_ms: 13,
    })
  })

  const odd: [promise: string, entry: object, member: string, kept: unknown][] = [
    ['leave out what is undefined', { kind: 'alarm', a: undefined }, 'a', undefined],
    ['keep a number that is not finite as its name', { kind: 'alarm', a: Number.NaN }, 'a', 'NaN'],
    ['keep what JSON has no form for as text', { kind: 'alarm', a: 10n }, 'a', '10'],
    ['mend broken UTF-16', { kind: 'alarm', a: 'x\ud800y' }, 'a', 'x\ufffdy'],
    ['keep control characters escaped', { kind: 'alarm', a: 'a\0b\nc' }, 'a', 'a\0b\nc'],
    [
      'cut a text that is too long, and say so',
      { kind: 'alarm', a: 'x'.repeat(9000) },
      'a',
      `${'x'.repeat(8192)}… (808 more)`,
    ],
  ]
  for (const [promise, entry, member, kept] of odd) {
    it(promise, () => assert.deepEqual(JSON.parse(textOf(entry))[member], kept))
  }

  it('bear nesting without end', () => {
    let deep: Json = 1
    for (let level = 0; level < 10_000; level += 1) deep = [deep]
    assert.equal(recordFault(Buffer.from(textOf({ kind: 'alarm', deep })), 7), undefined)
  })

  it('are what verification takes for a record, for any entry', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), members => {
        assert.equal(recordFault(Buffer.from(textOf({ ...members, kind: 'alarm' })), 7), undefined)
      }),
    )
  })

  const faults: [why: string, bytes: Buffer, says: RegExp][] = [
    ['is of another place', Buffer.from(textOf({ kind: 'alarm' })), /say that it is record 7/],
    ['has no place', Buffer.from('{}'), /say that it is record undefined/],
    ['has a space', Buffer.from('{"seq": 8}'), /not canonical/],
    ['has a key twice', Buffer.from('{"seq":8,"seq":8}'), /not canonical/],
    ['has keys out of order', Buffer.from('{"seq":8,"a":1}'), /not canonical/],
    ['is not JSON', Buffer.from('{"seq":8'), /not JSON/],
    ['is not an object', Buffer.from('[8]'), /not a JSON object/],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not JSON/],
    ['begins with a byte order mark', Buffer.from('\ufeff{"seq":8}'), /not JSON/],
  ]
  for (const [why, bytes, says] of faults) {
    it(`are found out when one ${why}`, () => assert.match(recordFault(bytes, 8) ?? '', says))
  }
})
