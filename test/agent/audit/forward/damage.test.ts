import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findGap } from '../../../../agent/audit/forward/damage.ts'
import type { RecordSource } from '../../../../agent/audit/forward/forwarder.ts'

const SIZE = 5000

/** A log of which some records cannot be read, and what was asked of it. */
function damaged(
  ...ranges: readonly (readonly [first: number, last: number])[]
): RecordSource & { asked: number } {
  const source = {
    asked: 0,
    recordsAfter: async (seq: number, most: number) => {
      source.asked += 1
      const records = Array.from({ length: Math.min(most, Math.max(0, SIZE - seq - 1)) }, (_, index) => ({
        ...{ seq: seq + 1 + index, text: '' },
      }))
      const isBad = records.some(record =>
        ranges.some(([first, last]) => record.seq >= first && record.seq <= last),
      )
      return isBad
        ? ({ kind: 'unreadable', detail: 'damaged' } as const)
        : ({ kind: 'records', log: 'l', size: SIZE, records, checkpoint: undefined } as const)
    },
  }
  return source
}

const gaps: [what: string, ranges: [number, number][], from: number, to: number | undefined, most: number][] =
  [
    ['one record', [[10, 10]], 10, 11, 10],
    ['some tens', [[10, 49]], 10, 50, 60],
    ['the first of all', [[0, 7]], 0, 8, 20],
    [
      'two, of which the second is left for later, though a wider step falls into it',
      [
        [10, 12],
        [14, 40],
      ],
      10,
      13,
      20,
    ],
    ['more than are looked at one by one', [[10, 3000]], 10, 3001, 1100],
    ['none: only what was before cannot be read', [[10, 12]], 13, 13, 1],
    ['all to the end', [[10, SIZE - 1]], 10, undefined, 45],
    ['more than half, and the last can be read', [[10, 4800]], 10, 4801, 1100],
  ]
for (const [what, ranges, from, to, most] of gaps)
  test(`a gap is found with its exact bounds, in few questions: ${what}`, async () => {
    const source = damaged(...ranges)
    const gap = await findGap(source, from)
    assert.deepEqual(gap, to === undefined ? undefined : { from, to, log: 'l', size: SIZE })
    assert.ok(source.asked <= most, `${source.asked} questions`)
  })
