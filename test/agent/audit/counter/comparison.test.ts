import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Comparison,
  compareCounts,
  countIn,
  type RecordedCount,
} from '../../../../agent/audit/counter/comparison.ts'

describe('a log and its counter', () => {
  const first = { first: 4 }
  const unforeseen = { first: undefined }
  const rows: [recorded: RecordedCount, found: number | undefined, says: Comparison | 'what a jump means'][] =
    [
      [undefined, undefined, 'begins'],
      [undefined, 7, 'what a jump means'],
      [first, undefined, 'begins'],
      [first, 4, 'agrees'],
      [first, 5, 'what a jump means'],
      [first, 3, 'what a jump means'],
      [unforeseen, undefined, 'begins'],
      [unforeseen, 7, 'what a jump means'],
      [7, 7, 'agrees'],
      [8, 7, 'pending'],
      [6, 7, 'what a jump means'],
      [1, 1_000_000, 'what a jump means'],
      [9, 7, 'lost'],
      [9, undefined, 'lost'],
    ]
  for (const [recorded, found, says] of rows)
    it(`with ${JSON.stringify(recorded) ?? 'no count'} in the log and ${found ?? 'none'} in the TPM: ${says}`, () => {
      for (const jump of ['rolled-back', 'adopted', 'moved'] as const)
        assert.equal(compareCounts(recorded, found, jump), says === 'what a jump means' ? jump : says)
    })

  it('reads the count out of a record, whatever is in it', () => {
    const of = (text: string) => countIn({ seq: 3, text })
    assert.equal(countIn(undefined), undefined)
    assert.equal(of('{"counter":41}'), 41)
    assert.deepEqual(of('{"counter":null,"counter_first":4}'), { first: 4 })
    for (const text of ['{"counter":null}', '{"counter":"41","counter_first":"4"}', 'nonsense'])
      assert.deepEqual(of(text), unforeseen)
  })
})
