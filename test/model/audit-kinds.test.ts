import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dictionaryFaults } from '../../model/audit-kinds.ts'

const HEADER = { seq: 1, boot: 'b', time: '2026-01-01T00:00:00.000Z', mono_ms: 0 }

describe('the dictionary of record kinds', () => {
  const records: [what: string, record: Record<string, unknown>, faults: string[]][] = [
    ['a record as it should be', { kind: 'key-retired', generation: 1 }, []],
    ['a member that may be there', { kind: 'alarm', alarm: 'a', detail: 'd', listener: 'l' }, []],
    ['a member that is null', { kind: 'key-retired', generation: null }, []],
    ['a kind that there is not', { kind: 'party' }, ['there is no kind party']],
    ['the name of an inherited member', { kind: 'constructor' }, ['there is no kind constructor']],
    ['a member too few', { kind: 'alarm', detail: 'd' }, ['alarm is missing']],
    ['a member too many', { kind: 'agent-stopped', why: 'w' }, ['why is not a member of agent-stopped']],
  ]
  for (const [what, record, faults] of records) {
    it(`knows ${what}`, () => assert.deepEqual(dictionaryFaults({ ...HEADER, ...record }), faults))
  }
})
