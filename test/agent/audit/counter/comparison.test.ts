import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Comparison,
  compareCounts,
  countIn,
  type RecordedCount,
} from '../../../../agent/audit/counter/comparison.ts'

describe('a log and its counter', () => {
  const rows: [recorded: RecordedCount, found: number | undefined, isKnown: boolean, says: Comparison][] = [
    [undefined, undefined, false, 'begins'],
    [undefined, undefined, true, 'begins'],
    ['beginning', undefined, false, 'begins'],
    ['beginning', 7, false, 'adopted'],
    [undefined, 7, false, 'rolled-back'],
    [undefined, 7, true, 'adopted'],
    [7, 7, false, 'agrees'],
    [7, 7, true, 'agrees'],
    [8, 7, false, 'pending'],
    [8, 7, true, 'pending'],
    [6, 7, false, 'rolled-back'],
    [6, 7, true, 'adopted'],
    [1, 1_000_000, false, 'rolled-back'],
    [9, 7, false, 'lost'],
    [9, 7, true, 'lost'],
    [9, undefined, false, 'lost'],
    [9, undefined, true, 'lost'],
  ]
  for (const [recorded, found, isKnown, says] of rows) {
    const known = isKnown ? ', and a jump is known' : ''
    it(`with ${recorded ?? 'no count'} in the log and ${found ?? 'none'} in the TPM${known}: ${says}`, () =>
      assert.equal(compareCounts(recorded, found, isKnown), says))
  }

  it('reads the count out of a record, whatever is in it', () => {
    const of = (text: string) => countIn({ seq: 3, text })
    assert.equal(countIn(undefined), undefined)
    assert.equal(of('{"counter":41}'), 41)
    assert.equal(of('{"counter":null}'), 'beginning')
    assert.equal(of('{"counter":"41"}'), 'beginning')
    assert.equal(of('nonsense'), 'beginning')
  })
})
