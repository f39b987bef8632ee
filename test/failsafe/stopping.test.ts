import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GuardedActuator } from '../../failsafe/guarded.ts'
import { stopSafely } from '../../failsafe/stopping.ts'
import type { TripGroup } from '../../failsafe/trip-group.ts'
import { Trips } from '../../failsafe/trips.ts'
import type { Clock } from '../../model/time.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { FakeDriver } from '../drivers/fake-driver.ts'

function rig() {
  const clock = new VirtualClock()
  const driver = new FakeDriver({ 'valve.command': 1, 'valve.feedback': 1 })
  const valve: GuardedActuator = {
    id: 'valve',
    driver,
    commandPoint: 'valve.command',
    feedbackPoint: 'valve.feedback',
    safe: { setpoint: 'closed', write: 0, feedback: 0 },
    tolerance: 0,
    travelTime: 3000,
    staysCommanded: true,
    deviceTimeout: 500,
    turnWithin: 0,
  }
  const causes: string[] = []
  return { clock, driver, valve, trips: tripsOf([valve], [], clock, causes), causes }
}

function tripsOf(
  actuators: readonly GuardedActuator[],
  groups: readonly TripGroup[],
  clock: Clock,
  causes: string[] = [],
): Trips {
  return new Trips(new Map(actuators.map(actuator => [actuator.id, actuator])), groups, clock, {
    alarm: () => {},
    record: (kind, _, cause) => causes.push(`${kind} ${cause}`),
    latchesChanged: () => {},
    overrule: () => {},
    mistake: () => {},
  })
}

test('the stop waits for feedback, and no longer than that takes', async () => {
  const { clock, driver, valve, trips, causes } = rig()
  driver.onWrite = () => {}
  const stopped = stopSafely([valve], [], trips, clock)
  await clock.advance(1500)
  driver.values.set('valve.feedback', 0)
  await clock.advance(200)
  assert.deepEqual(await stopped, [])
  assert.ok(clock.monotonic() <= 1700)
  assert.deepEqual(causes, ['trip agent-stopping', 'trip-safe agent-stopping'])
})

test('what is not seen safe in the time that it could take is named, and the stop goes on', async () => {
  const { clock, driver, valve, trips } = rig()
  driver.onWrite = () => {}
  const stopped = stopSafely([valve], [], trips, clock)
  let over: readonly string[] | undefined
  void stopped.then(unsafe => {
    over = unsafe
  })
  await clock.advance(5900)
  assert.equal(over, undefined)
  await clock.advance(200)
  assert.deepEqual(over, ['valve'])
  await trips[Symbol.asyncDispose]()
})

test('the stop has time for somebody else on the line, before an actuator is told and before it is looked at', async () => {
  const { clock, driver, valve } = rig()
  const shared = { ...valve, turnWithin: 5000 }
  await using trips = tripsOf([shared], [], clock)
  driver.onWrite = () => {}
  // Each request waits for a unit that is dead, and is told so at the end of its own deadline.
  driver.nextWrite = { kind: 'unreachable', reason: 'other requests kept the device busy until the deadline' }
  void clock.sleep(5000).then(() => {
    driver.nextWrite = undefined
  })
  void clock.sleep(5000 + valve.travelTime + 5000).then(() => driver.values.set('valve.feedback', 0))
  const stopped = stopSafely([shared], [], trips, clock)
  await clock.advance(20_000)
  assert.deepEqual(await stopped, [])
})

test('what does not get there in a group leaves the step after it all its time', async () => {
  const { clock } = rig()
  const pump = new FakeDriver({ 'pump.command': 1, 'pump.feedback': 1 })
  const valve = new FakeDriver({ 'valve.command': 1, 'valve.feedback': 1 })
  const travelTime = 10_000
  // The pump confirms only just before its time is over, and stays on; the valve takes all of its own.
  pump.nextWrite = { kind: 'unreachable', reason: 'no cable' }
  void clock.sleep(travelTime - 100).then(() => {
    pump.nextWrite = undefined
  })
  pump.onWrite = () => {}
  valve.onWrite = () => void clock.sleep(travelTime - 100).then(() => valve.values.set('valve.feedback', 0))
  const actuators = Object.entries({ pump, valve }).map(([id, driver]) => ({
    ...rig().valve,
    id,
    driver,
    commandPoint: `${id}.command`,
    feedbackPoint: `${id}.feedback`,
    travelTime,
  }))
  const group: TripGroup = [
    { actuator: 'pump', after: 'written', delay: 0 },
    { actuator: 'valve', after: 'verified', delay: 0 },
  ]
  await using trips = tripsOf(actuators, [group], clock)
  const stopped = stopSafely(actuators, [group], trips, clock)
  await clock.advance(30_000)
  assert.deepEqual(await stopped, ['pump'])
})

test('with nothing to drive, nothing is tripped', async () => {
  const { clock, driver, trips } = rig()
  assert.deepEqual(await stopSafely([], [], trips, clock), [])
  assert.deepEqual(driver.writes, [])
})
