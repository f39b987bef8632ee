import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import type { Clock } from '../../../model/time.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { OddServer, registerDevice } from './odd-server.ts'

/** Waits between connections take no time, and are written down; the time that a connection may take is left as it is. */
function hasty(): { readonly clock: Clock; readonly waits: number[] } {
  const waits: number[] = []
  const sleep = async (ms: number, signal?: AbortSignal) => {
    if (ms >= 2000) return await systemClock.sleep(ms, signal)
    waits.push(ms)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { clock: { ...systemClock, sleep }, waits }
}

test('a device that takes connections and closes them at once is tried ever more slowly', async () => {
  const { clock, waits } = hasty()
  await using server = await OddServer.start(() => undefined, { closesAtOnce: true })
  await using _ = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), {}, clock)
  while (waits.length < 5) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(waits.slice(0, 5), [25, 50, 100, 200, 400])
})

test('a device that answered on its last connection is tried again quickly', async () => {
  const { clock, waits } = hasty()
  const device = registerDevice(new Map([[0, 7]]))
  await using server = await OddServer.start(device)
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), {}, clock)
  const driver = connected.driver({ one: { holding_register: 0 } })
  for (let round = 1; round <= 3; round += 1) {
    await connected.connected(true)
    assert.equal(valueIn(await driver.read('one', 5000)), 7)
    server.hangUp()
    while (waits.length < round) await new Promise(resolve => setImmediate(resolve))
  }
  assert.deepEqual(waits, [25, 25, 25])
})
