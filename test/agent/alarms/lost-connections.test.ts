import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LostConnections } from '../../../agent/alarms/lost-connections.ts'
import { realClock } from '../../../simulator/real-clock.ts'

/** What is found at each second, of a device that is connected at those marked `+`: the seconds at which there is something. */
function foundAt(seconds: string): number[] {
  let now = 0
  const lost = new LostConnections({ ...realClock, monotonic: () => now })
  return [...seconds].flatMap((mark, second) => {
    now = second * 1000
    const other = { id: 'drive', isConnected: true }
    const found = lost.find([other, { id: 'plc', isConnected: mark === '+' }])
    assert.ok(found.every(({ about }) => about?.device === 'plc'))
    return found.length > 0 ? [second] : []
  })
}

const ROWS = [
  { seconds: '+++++++++', found: [], promise: 'a device that is connected' },
  { seconds: '+----+----+', found: [], promise: 'connections that are back within five seconds' },
  { seconds: '+------++', found: [6], promise: 'one that is away for longer, from the fifth second on' },
  { seconds: '-------', found: [5, 6], promise: 'one that was never there' },
  { seconds: '------+-----', found: [5], promise: 'the time away begins anew with each loss' },
] as const

for (const { seconds, found, promise } of ROWS)
  test(`${promise}: ${found.length > 0 ? `found at ${found.join(', ')} s` : 'is nothing'}`, () => {
    assert.deepEqual(foundAt(seconds), found)
  })
