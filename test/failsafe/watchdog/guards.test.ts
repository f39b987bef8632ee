import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GuardedDevice } from '../../../failsafe/watchdog/guarded-device.ts'
import { Guards } from '../../../failsafe/watchdog/guards.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { FakeDriver } from '../../drivers/fake-driver.ts'

/** Two devices with a register each; what the actuator on the second falls back to is given. */
function rig(secondFallsBackTo: number, onStop: 'leave' | 'stop' = 'leave') {
  const clock = new VirtualClock()
  const events: string[] = []
  const devices = ['north', 'south'].map((id): GuardedDevice & { driver: FakeDriver } => ({
    id,
    driver: new FakeDriver({
      'watchdog.feed': 0,
      'watchdog.time': 2000,
      [`${id}-valve.command`]: 0,
      [`${id}-valve.fallback`]: id === 'south' ? secondFallsBackTo : 0,
    }),
    timeout: 500,
    watchdog: { kind: 'register', time: 2000, feed: 'change', takesTime: true, showsStatus: false },
    onStop,
    outputs: [
      {
        actuator: `${id}-valve`,
        commandPoint: `${id}-valve.command`,
        staysCommanded: true,
        fallbackPoint: `${id}-valve.fallback`,
        safe: { setpoint: 'closed', write: 0 },
        tolerance: 0.5,
      },
    ],
  }))
  const guards = new Guards(devices, clock, () => undefined, {
    changed: (device, { kind }) => events.push(`${device} ${kind}`),
    expired: device => events.push(`${device} expired`),
    armed: () => {},
  })
  const [north, south] = devices.map(({ driver }) => driver) as [FakeDriver, FakeDriver]
  return { clock, guards, events, north, south }
}

test('where one device disagrees, none is armed and nothing is written to any', async () => {
  const { guards, north, south } = rig(1)
  const disagreements = await guards.start()
  assert.equal(disagreements.length, 1)
  assert.match(disagreements[0] ?? '', /^south-valve: without this agent south sets it to 1/)
  assert.deepEqual([...north.writes, ...south.writes], [])
  await guards[Symbol.asyncDispose]()
})

test('each is fed at a third of its time, until the agent stops', async () => {
  const { clock, guards, north } = rig(0)
  assert.deepEqual(await guards.start(), [])
  await clock.advance(2000)
  assert.deepEqual(
    north.writes.map(({ value }) => value),
    [1, 2, 3, 4],
  )
  await guards[Symbol.asyncDispose]()
  await clock.advance(10_000)
  assert.equal(north.writes.length, 4)
  assert.equal(north.values.get('watchdog.time'), 2000, 'left to run out')
})

test('one that is to be stopped with the agent is switched off, and one that cannot be is named', async () => {
  const { guards, north, south } = rig(0, 'stop')
  await guards.start()
  south.nextWrite = { kind: 'rejected', reason: 'no' }
  const left = await guards.stop()
  assert.equal(left.length, 1)
  assert.match(left[0] ?? '', /^south: its watchdog cannot be stopped: watchdog\.time cannot be written: no/)
  assert.equal(north.values.get('watchdog.time'), 0)
})

test('the trouble of one device is not that of the actuators on another', async () => {
  const { clock, guards, events, south } = rig(0)
  await guards.start()
  assert.equal(guards.troubleOf('south-valve'), undefined)
  south.nextWrite = { kind: 'unreachable', reason: 'no cable' }
  await clock.advance(700)
  assert.equal(guards.troubleOf('north-valve'), undefined)
  assert.equal(guards.troubleOf('south-valve')?.state.kind, 'unguarded')
  await clock.advance(5000)
  south.nextWrite = undefined
  await clock.advance(1000)
  assert.equal(guards.troubleOf('south-valve'), undefined)
  assert.deepEqual(events, ['north armed', 'south armed', 'south unguarded', 'south expired', 'south armed'])
  await guards[Symbol.asyncDispose]()
})

test('a device that was replaced between two feeds by one that falls back to what is not safe is found out with the next turn', async () => {
  const { clock, guards, events, south } = rig(0)
  await guards.start()
  await clock.advance(100)
  south.connections += 1
  south.values.set('south-valve.fallback', 1)
  assert.equal(guards.troubleOf('south-valve')?.state.kind, 'unguarded', 'nothing is let through meanwhile')
  await clock.advance(600)
  const { state } = guards.troubleOf('south-valve') ?? {}
  assert.equal(state?.kind, 'disagrees')
  assert.match(state?.detail ?? '', /^south-valve: without this agent south sets it to 1/)
  assert.deepEqual(events, ['north armed', 'south armed', 'south disagrees'])
  await guards[Symbol.asyncDispose]()
})

test('an actuator whose device has no watchdog is nobody’s trouble', () => {
  assert.equal(rig(0).guards.troubleOf('elsewhere'), undefined)
})
