import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../../../client/agent-client.ts'
import { type Latch, latchAfter } from './told-latch.ts'

const answered = (unkept?: string): Answer => ({
  kind: 'answered',
  status: 200,
  body: unkept === undefined ? {} : { unkept },
})
const problem = (code: string, unkept?: string): Answer => ({
  kind: 'problem',
  status: 502,
  problem: {
    type: '',
    title: '',
    status: 502,
    detail: '',
    code,
    ...(unkept === undefined ? {} : { unkept }),
  },
})

/** What the latch was known to be, what was asked, what was answered, and what is known then. */
const ROWS: readonly (readonly [Latch, 'trip' | 'reset', Answer, Latch])[] = [
  ['normal', 'trip', answered(), 'tripped'],
  ['normal', 'trip', answered('EIO'), 'unknown'],
  ['normal', 'trip', problem('trip-failed'), 'tripped'],
  ['normal', 'trip', problem('trip-failed', 'EIO'), 'unknown'],
  ['normal', 'trip', problem('internal-error'), 'unknown'],
  ['tripped', 'reset', answered(), 'normal'],
  ['tripped', 'reset', answered('EIO'), 'unknown'],
  ['tripped', 'reset', problem('cause-persists'), 'tripped'],
  ['tripped', 'reset', problem('trip-failed'), 'unknown'],
  ['tripped', 'reset', problem('internal-error'), 'unknown'],
]

for (const [before, deed, answer, after] of ROWS) {
  test(`a latch that was ${before}, after a ${deed} that was answered with ${JSON.stringify(answer)}, is known to be ${after}`, () => {
    assert.equal(latchAfter(before, deed, answer), after)
  })
}
