import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Trouble } from '../../../failsafe/watchdog/registers.ts'
import { type Turn, turnOf } from '../../../failsafe/watchdog/turn.ts'
import type { Look } from '../../../failsafe/watchdog/watchdog.ts'

const SILENT = new Trouble('no answer')
const TIME = 2000

/** Every look, armed or not, with no feed that counts, one in time, and one too long ago. */
const TABLE: readonly (readonly [
  look: Look | Trouble,
  armed: boolean,
  sinceFed: number | undefined,
  turn: Turn,
])[] = [
  ['running', true, 700, 'feed'],
  ['running', true, 2000, 'feed'],
  // The device says that it runs, whatever our own time says.
  ['running', true, 2001, 'feed'],
  ['running', true, undefined, 'feed'],
  ['running', false, 700, 'arm'],
  ['running', false, 2001, 'arm'],
  ['running', false, undefined, 'arm'],
  ['ready', true, 700, 'feed'],
  // It may be waiting for its first write, and would show it if it had expired.
  ['ready', true, 2001, 'feed'],
  ['ready', true, undefined, 'feed'],
  ['ready', false, 700, 'arm'],
  ['ready', false, 2001, 'arm'],
  ['ready', false, undefined, 'arm'],
  ['off', true, 700, 'arm'],
  ['off', true, 2001, 'arm'],
  ['off', true, undefined, 'arm'],
  ['off', false, 700, 'arm'],
  ['off', false, 2001, 'arm'],
  ['off', false, undefined, 'arm'],
  ['expired', true, 700, 'expired'],
  ['expired', true, 2001, 'expired'],
  ['expired', true, undefined, 'expired'],
  ['expired', false, 700, 'expired'],
  ['expired', false, 2001, 'expired'],
  ['expired', false, undefined, 'expired'],
  ['untold', true, 700, 'feed'],
  ['untold', true, 2000, 'feed'],
  ['untold', true, 2001, 'expired'],
  ['untold', true, undefined, 'feed'],
  ['untold', false, 700, 'arm'],
  ['untold', false, 2001, 'expired'],
  ['untold', false, undefined, 'arm'],
  [SILENT, true, 700, 'feed'],
  [SILENT, true, 2001, 'wait'],
  [SILENT, true, undefined, 'feed'],
  [SILENT, false, 700, 'wait'],
  [SILENT, false, 2001, 'wait'],
  [SILENT, false, undefined, 'wait'],
]

for (const [look, isArmed, sinceFed, turn] of TABLE) {
  const shown = look instanceof Trouble ? 'no answer' : look
  const fed = sinceFed === undefined ? 'not fed' : `fed ${sinceFed} ms ago`
  test(`${shown}, ${isArmed ? 'armed' : 'not armed'}, ${fed} of ${TIME} → ${turn}`, () => {
    assert.equal(turnOf(look, { isArmed, sinceFed, time: TIME }), turn)
  })
}

test('nothing that is overdue and says nothing of itself is fed as if it had not expired', () => {
  for (const [look, , sinceFed, turn] of TABLE)
    if (look !== 'running' && look !== 'ready' && sinceFed === 2001) assert.notEqual(turn, 'feed')
})
