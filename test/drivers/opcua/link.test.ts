import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import { OpcUaLink } from '../../../drivers/opcua/link.ts'
import type { Clock } from '../../../model/time.ts'
import { valueIn } from '../driver.contract.ts'
import { connect, POINTS, site } from './site.ts'

const LATER = 5000

test('a session on which nothing is asked for longer than a request may take stays the one that it was', async () => {
  await using plant = await site()
  const timeout = 100
  await using link = new OpcUaLink(plant.endpoint, timeout, systemClock, () => 0)
  await link.attempted
  const { connection } = link
  await pass(10 * timeout)
  assert.equal(link.connection, connection)
  assert.deepEqual(plant.server.sessions, { made: 1, held: 1 })
})

/** What the library made of our options, which it tells nobody. */
interface Inside {
  readonly timeout: number
  readonly _keepAliveManager: { readonly checkInterval: number }
  readonly _client: { readonly _secureChannel: { readonly transportTimeout: number } }
}

test('an idle session is asked for a sign of life before the server forgets it and before the connection is cut', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const { connection } = driver.link
  assert.ok('session' in connection)
  const { timeout, _keepAliveManager, _client } = connection.session as unknown as Inside
  assert.ok(2 * _keepAliveManager.checkInterval <= _client._secureChannel.transportTimeout)
  assert.ok(1.5 * _keepAliveManager.checkInterval <= timeout)
  assert.equal(timeout, 30_000, 'a session that was cut off is not held for longer than needed')
})

/** Waits between sessions take no time, and are written down; the time that making one may take is left as it is. */
function hasty(): { readonly clock: Clock; readonly waits: number[] } {
  const waits: number[] = []
  const sleep = async (ms: number, signal?: AbortSignal) => {
    if (ms >= LATER) return await systemClock.sleep(ms, signal)
    waits.push(ms)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { clock: { ...systemClock, sleep }, waits }
}

for (const [server, isAsked, expected] of [
  ['a server that gives sessions, and ends them before it has answered anything,', false, [125, 250, 500]],
  ['a server that answered on its last session', true, [125, 125, 125]],
] as const)
  test(`${server} is tried again ${isAsked ? 'quickly' : 'ever more slowly'}`, async () => {
    const { clock, waits } = hasty()
    await using plant = await site()
    await using link = new OpcUaLink(plant.endpoint, 2000, clock, () => 0)
    await using driver = new OpcUaDriver(link, POINTS, clock)
    for (let round = 1; round <= 3; round += 1) {
      while (!link.isConnected) await new Promise(resolve => setImmediate(resolve))
      if (isAsked) assert.equal(valueIn(await driver.read('in', LATER)), 0)
      const { connection } = link
      assert.ok('session' in connection)
      link.renew(connection, 'the server went away')
      while (waits.length < round) await new Promise(resolve => setImmediate(resolve))
    }
    assert.deepEqual(waits, expected)
  })
