import type { DriverRig } from './driver.contract.ts'
import { FakeDriver } from './fake-driver.ts'

/** The fake as the contract suite wants it. */
export async function fakeRig(): Promise<DriverRig> {
  const driver = new FakeDriver({ out: 0, in: 0 })
  driver.onWrite = () => {}
  let isUnplugged = false
  return {
    driver,
    holds: point => driver.values.get(point) ?? 0,
    setInput: async value => void driver.values.set('in', value),
    silence: async () => driver.holdUntil(new Promise(() => {})),
    reject: async () => {
      driver.nextWrite = { kind: 'rejected', reason: 'no' }
    },
    unplug: async () => {
      driver.nextWrite = { kind: 'unreachable', reason: 'unplugged' }
      driver.nextRead = { kind: 'failed', reason: 'unplugged' }
      isUnplugged = true
    },
    heal: async () => {
      driver.nextWrite = undefined
      driver.nextRead = undefined
      driver.holdUntil(Promise.resolve())
      if (isUnplugged) driver.connections += 1
      isUnplugged = false
    },
    [Symbol.asyncDispose]: async () => {},
  }
}
