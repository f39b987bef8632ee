import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ActuatorCard } from '../../../console/panel/actuator-card.ts'
import type { Answer } from '../../../console/panel/agent-link.ts'
import type { AlarmRow } from '../../../console/panel/alarm-row.ts'
import {
  acknowledgeDeed,
  acknowledgeTripDeed,
  outcomeOf,
  resetDeed,
  shelveDeed,
  tripDeed,
  unshelveDeed,
} from '../../../console/panel/deeds.ts'
import type { Json } from '../../../model/json.ts'

const CARD = { id: 'inlet-valve', safe: 'safe: closed' } as ActuatorCard
const ROW = { id: 7, name: 'trip', about: 'inlet-valve' } as AlarmRow
const answered = (body: Json): Answer => ({ kind: 'answered', body })

describe('what came of a deed is said as it is', () => {
  const tripped = { outcome: 'tripped', actuator: 'inlet-valve', phase: 'tripped' }
  const rows: [what: string, answer: Answer, says: RegExp, isBad: boolean][] = [
    ['it was done', answered(tripped), /^trip inlet-valve: tripped, and seen in its safe state$/, false],
    [
      'the disk has not taken it',
      answered({ ...tripped, unkept: 'the disk hangs' }),
      /safe state\. BUT it would not be tripped any more after a power cut: the disk hangs$/,
      false,
    ],
    ['it was reset meanwhile', answered({ ...tripped, phase: 'normal' }), /: it is normal$/, false],
    ['another actuator answers', answered({ ...tripped, actuator: 'outlet-valve' }), /NOBODY KNOWS/, true],
    ['something else answers', answered({}), /does not say what became of it\. NOBODY KNOWS/, true],
    [
      'nobody answers',
      { kind: 'unreachable', detail: 'no answer in time' },
      /no answer in time\. NOBODY KNOWS/,
      true,
    ],
    [
      'it was refused',
      {
        kind: 'problem',
        status: 502,
        problem: {
          type: 'x',
          title: 'No',
          status: 502,
          detail: 'its feedback does not show it',
          code: 'trip-failed',
          remedy: 'go there',
        },
      },
      /^trip inlet-valve: NOT DONE: its feedback does not show it\. Next: go there$/,
      true,
    ],
  ]
  for (const [what, answer, says, isBad] of rows)
    test(what, () => {
      const outcome = outcomeOf(tripDeed(CARD), answer)
      assert.match(outcome.text, says)
      assert.equal(outcome.isBad, isBad)
    })
})

test('what moves something, or hides something, is asked about first; what only says that it was seen is not', () => {
  const asks = [
    tripDeed(CARD),
    resetDeed(CARD),
    shelveDeed(ROW),
    acknowledgeTripDeed(CARD),
    acknowledgeDeed(ROW),
    unshelveDeed(ROW),
  ].map(({ name, question }) => [name, question?.wants])
  assert.deepEqual(asks, [
    ['trip inlet-valve', 'optional reason'],
    ['reset inlet-valve', 'optional reason'],
    ['shelve trip inlet-valve', 'shelf'],
    ['acknowledge the trip of inlet-valve', undefined],
    ['acknowledge trip inlet-valve', undefined],
    ['unshelve trip inlet-valve', undefined],
  ])
})

test('what is sent has what the person wrote, and nothing that they did not', () => {
  assert.deepEqual(tripDeed(CARD).message({ reason: '', duration: '' }), {})
  assert.deepEqual(tripDeed(CARD).message({ reason: 'ozone', duration: '' }), { reason: 'ozone' })
  assert.deepEqual(shelveDeed(ROW).message({ reason: 'test', duration: '1h' }), {
    alarm: '7',
    for: '1h',
    reason: 'test',
  })
  assert.deepEqual(acknowledgeDeed(ROW).message(undefined), { alarm: '7' })
})
