import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EpochKeys } from '../../../agent/credential/epoch-keys.ts'
import { KeyKeeper } from '../../../agent/credential/key-keeper.ts'
import { formatDuration } from '../../../model/time.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { memoryKey } from '../command/rig.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const START = Date.UTC(2026, 5, 1)

function rig() {
  const clock = new VirtualClock(START)
  const old = memoryKey('the first', 1)
  const master = memoryKey('the second', 2)
  const of = { environment: 'test', gateway: 'g1', epoch: DAY, grace: DAY }
  const keys = new EpochKeys(
    [
      { master: old, retiresAt: START + 30 * MINUTE },
      { master, since: START, retiresAt: undefined },
    ],
    of,
    clock,
  )
  const events: string[] = []
  const keeper = new KeyKeeper(keys, { ...of, timeout: 1000, rotationDue: 30 * DAY }, clock, {
    unavailable: ({ reason }) => events.push(`unavailable ${reason}`),
    restored: () => events.push('restored'),
    checkpointSeed: () => {},
    retired: ({ master: { generation } }) => events.push(`retired ${generation}`),
    rotationDue: age => events.push(`rotation due at ${formatDuration(age)}`),
  })
  return { clock, keys, keeper, events, master }
}

test('a generation is let go when its grace is over, by itself and once', async () => {
  const { clock, keeper, events } = rig()
  await using _ = keeper
  await keeper.start()
  await clock.advance(29 * MINUTE)
  assert.deepEqual(events, [])
  await clock.advance(2 * MINUTE)
  assert.deepEqual(events, ['retired 1'])
  await clock.advance(60 * MINUTE)
  assert.deepEqual(events, ['retired 1'])
})

test('a key that has got as old as the configuration says is told, once', async () => {
  const { clock, keeper, events } = rig()
  await using _ = keeper
  await keeper.start()
  const due = () => events.filter(event => event.startsWith('rotation'))
  await clock.advance(30 * DAY - MINUTE)
  assert.deepEqual(due(), [])
  await clock.advance(2 * MINUTE)
  assert.deepEqual(due(), ['rotation due at 30d'])
  await clock.advance(DAY)
  assert.deepEqual(due(), ['rotation due at 30d'])
})

test('a master key that is away is told once, and is taken up by itself within half a minute', async () => {
  const { clock, keys, keeper, events, master } = rig()
  await using _ = keeper
  master.gone = true
  await keeper.start()
  await clock.advance(20 * MINUTE)
  assert.deepEqual(events, ['unavailable absent'])
  master.gone = false
  await clock.advance(30_000)
  assert.deepEqual(events, ['unavailable absent', 'restored'])
  assert.equal(keys.trouble, undefined)
})
