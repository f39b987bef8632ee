import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GuardedActuator } from '../../failsafe/guarded.ts'
import { FailsafeKeeper } from '../../failsafe/keeper.ts'
import { type Kept, NOTHING_KEPT } from '../../failsafe/latch.ts'
import type { TripGroup } from '../../failsafe/trip-group.ts'
import { Trips } from '../../failsafe/trips.ts'
import type { TripRecord } from '../../model/trip.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { FakeDriver } from '../drivers/fake-driver.ts'

/** Steps that wait for nothing. */
function groupOf(...actuators: string[]): TripGroup {
  return actuators.map(actuator => ({ actuator, after: 'written', delay: 0 }))
}

/** A valve (safe: 0) and a pump (safe: 1) that trip together, pump first. */
function rig(group: TripGroup = groupOf('pump', 'valve')) {
  const clock = new VirtualClock()
  const driver = new FakeDriver({
    'valve.command': 1,
    'valve.feedback': 1,
    'pump.command': 0,
    'pump.feedback': 0,
  })
  const events: string[] = []
  const guard = (id: string, safe: number): [string, GuardedActuator] => [
    id,
    {
      id,
      driver,
      commandPoint: `${id}.command`,
      feedbackPoint: `${id}.feedback`,
      safe: { setpoint: safe, write: safe, feedback: safe },
      tolerance: 0,
      travelTime: 1000,
      staysCommanded: true,
      deviceTimeout: 5000,
      turnWithin: 0,
    },
  ]
  const actuators = new Map([guard('valve', 0), guard('pump', 1)])
  const trips = new Trips(actuators, [group], clock, {
    alarm: (actuator, _, detail) => events.push(`alarm ${actuator}: ${detail}`),
    record: (kind, actuator) => events.push(`${kind} ${actuator}`),
    latchesChanged: () => events.push('latches'),
    overrule: actuator => events.push(`overrule ${actuator}`),
    mistake: () => events.push('mistake'),
  })
  return { clock, driver, events, trips }
}

test('a trip writes the safe values of the whole group, in its order, before it returns', async () => {
  const { clock, driver, trips } = rig()
  trips.trip('valve', 'authentication-failures', 'forged')
  assert.deepEqual(driver.writes, [
    { point: 'pump.command', value: 1 },
    { point: 'valve.command', value: 0 },
  ])
  assert.equal(trips.phase('valve'), 'tripping')
  await clock.advance(100)
  assert.equal(trips.phase('valve'), 'tripped')
  assert.equal(trips.phase('pump'), 'tripped')
  assert.match(trips.firstOut('pump')?.detail ?? '', /tripped together with valve/)
})

test('the alarm goes out and running commands lose control before the first write', async () => {
  const { driver, events, trips } = rig()
  driver.onWrite = point => events.push(`write ${point}`)
  trips.trip('valve', 'authentication-failures', 'forged')
  assert.deepEqual(events.slice(0, 6), [
    'alarm pump: forged (tripped together with valve)',
    'overrule pump',
    'alarm valve: forged',
    'overrule valve',
    'write pump.command',
    'write valve.command',
  ])
  assert.ok(events.indexOf('trip pump') > 5, 'what is written down waits for the plant')
})

test('a trip that cannot be verified is loud, keeps trying, and ends well once the plant follows', async () => {
  const { clock, driver, events, trips } = rig()
  driver.onWrite = () => {}
  trips.trip('valve', 'authentication-failures', 'forged')
  await clock.advance(1500)
  assert.equal(trips.phase('valve'), 'trip-failed')
  assert.ok(events.some(event => event.startsWith('alarm valve: not in its safe state: feedback shows 1')))
  const tries = driver.writes.filter(({ point }) => point === 'valve.command').length
  await clock.advance(30_000)
  assert.ok(driver.writes.filter(({ point }) => point === 'valve.command').length > tries + 5)
  assert.equal(trips.phase('valve'), 'trip-failed')
  driver.values.set('valve.feedback', 0)
  await clock.advance(5000)
  assert.equal(trips.phase('valve'), 'tripped')
})

test('a device that cannot be reached is tried until it can be', async () => {
  const { clock, driver, trips } = rig()
  driver.nextWrite = { kind: 'unreachable', reason: 'no cable' }
  trips.trip('valve', 'authentication-failures', 'forged')
  await clock.advance(10_000)
  assert.equal(trips.phase('valve'), 'trip-failed')
  assert.deepEqual(driver.writes, [])
  driver.nextWrite = undefined
  await clock.advance(3000)
  assert.equal(trips.phase('valve'), 'tripped')
})

test('a later trip does not change the first-out cause and does not write again', async () => {
  const { clock, driver, trips } = rig()
  trips.trip('valve', 'authentication-failures', 'the first')
  await clock.advance(100)
  const writes = driver.writes.length
  trips.trip('valve', 'agent-stopping', 'the second')
  await clock.advance(100)
  assert.equal(trips.firstOut('valve')?.detail, 'the first')
  assert.equal(driver.writes.length, writes)
})

test('a reset opens the latch only once it is durable, and moves nothing', async () => {
  const { clock, driver, trips } = rig()
  assert.equal(await trips.reset('valve', async () => true), 'not-tripped')
  trips.trip('valve', 'authentication-failures', 'forged')
  assert.equal(await trips.reset('valve', async () => true), 'not-tripped', 'not before it is verified safe')
  await clock.advance(100)
  const writes = driver.writes.length
  assert.equal(await trips.reset('valve', async () => true), 'not-acknowledged')
  assert.equal(trips.acknowledge('valve', 'erika'), true)
  assert.equal(trips.acknowledge('valve', 'hans'), false, 'somebody has already')
  assert.equal(trips.firstOut('valve')?.acknowledged?.by, 'erika')
  assert.equal(await trips.reset('valve', async () => false), 'not-durable')
  assert.equal(trips.phase('valve'), 'tripped')
  assert.equal(await trips.reset('valve', async () => true), 'reset')
  assert.equal(trips.phase('valve'), 'normal')
  assert.equal(trips.phase('pump'), 'tripped', 'each actuator is reset by itself')
  assert.equal(driver.writes.length, writes)
})

test('a trip that comes while a reset is being recorded wins, and keeps the first-out cause', async () => {
  const { clock, trips } = rig()
  trips.trip('valve', 'authentication-failures', 'the first')
  await clock.advance(100)
  trips.acknowledge('valve', 'erika')
  const reset = trips.reset('valve', async () => {
    trips.trip('valve', 'authentication-failures', 'the second')
    return true
  })
  assert.equal(await reset, 'overtaken')
  assert.equal(trips.firstOut('valve')?.detail, 'the first')
  await clock.advance(100)
  assert.equal(trips.phase('valve'), 'tripped')
})

test('an interlock that does not hold does not stand against a reset, however long the record of it takes', async () => {
  for (const takes of [20, 150, 5000]) {
    const { clock, events, trips } = rig()
    trips.trip('valve', 'manual', 'a test')
    await clock.advance(100)
    trips.acknowledge('valve', 'erika')
    const alarms = events.filter(event => event.startsWith('alarm')).length
    const reset = trips.reset('valve', async () => {
      await clock.sleep(takes)
      return true
    })
    for (let passed = 0; passed <= takes; passed += 50) {
      // As it is looked at ten times a second and more, while the actuator is tripped.
      if (trips.phase('valve') !== 'normal') trips.trip('valve', 'interlock', 'the tank is full')
      await clock.advance(50)
    }
    assert.equal(await reset, 'reset', `${takes} ms`)
    assert.equal(trips.phase('valve'), 'normal')
    assert.equal(events.filter(event => event.startsWith('alarm')).length, alarms)
  }
})

test('after a restart a verified trip stays tripped without a write; one that was not verified is driven again', async () => {
  const first = rig()
  first.trips.trip('valve', 'authentication-failures', 'forged')
  const unverified = first.trips.latches
  await first.clock.advance(100)
  const verified = first.trips.latches

  const calm = rig()
  calm.trips.restore(JSON.parse(JSON.stringify(verified)))
  await calm.clock.advance(1000)
  assert.deepEqual(calm.driver.writes, [])
  assert.equal(calm.trips.phase('valve'), 'tripped')
  assert.equal(calm.trips.firstOut('valve')?.detail, 'forged')

  const driven = rig()
  driven.trips.restore(JSON.parse(JSON.stringify(unverified)))
  await driven.clock.advance(1000)
  assert.ok(driven.driver.writes.some(({ point, value }) => point === 'valve.command' && value === 0))
  assert.equal(driven.trips.phase('valve'), 'tripped')
})

test('a tripped actuator that leaves its safe state is driven back, and that is said', async () => {
  const { clock, driver, events, trips } = rig()
  trips.trip('valve', 'authentication-failures', 'forged')
  await clock.advance(100)
  assert.equal(trips.phase('valve'), 'tripped')
  // A write that was thought lost arrives after all.
  driver.values.set('valve.command', 1).set('valve.feedback', 1)
  await clock.advance(2500)
  assert.equal(driver.values.get('valve.command'), 0)
  assert.equal(trips.phase('valve'), 'tripped')
  assert.ok(events.includes('trip-safe-lost valve'))
  assert.equal(trips.firstOut('valve')?.detail, 'forged')
})

test('one odd reading of a tripped actuator moves nothing; after the reset nobody looks any more', async () => {
  const { clock, driver, trips } = rig()
  trips.trip('valve', 'authentication-failures', 'forged')
  await clock.advance(100)
  const writes = driver.writes.length
  driver.values.set('valve.feedback', 1)
  await clock.advance(1000)
  driver.values.set('valve.feedback', 0)
  await clock.advance(5000)
  assert.equal(driver.writes.length, writes)
  trips.acknowledge('valve', 'erika')
  await trips.reset('valve', async () => true)
  driver.values.set('valve.feedback', 1)
  await clock.advance(10_000)
  assert.equal(trips.phase('valve'), 'normal')
  assert.equal(driver.writes.length, writes)
})

test('a driver that throws does not end a trip', async () => {
  const { clock, driver, trips } = rig()
  const { write } = driver
  driver.write = async () => {
    throw new RangeError('out of range')
  }
  trips.trip('valve', 'authentication-failures', 'forged')
  await clock.advance(5000)
  assert.equal(trips.phase('valve'), 'trip-failed')
  driver.write = write
  await clock.advance(5000)
  assert.equal(trips.phase('valve'), 'tripped')
})

test('whoever listens cannot stop a trip by throwing', async () => {
  const clock = new VirtualClock()
  const driver = new FakeDriver({ 'valve.command': 1, 'valve.feedback': 1 })
  const valve: GuardedActuator = {
    id: 'valve',
    driver,
    commandPoint: 'valve.command',
    feedbackPoint: 'valve.feedback',
    safe: { setpoint: 0, write: 0, feedback: 0 },
    tolerance: 0,
    travelTime: 1000,
    staysCommanded: true,
    deviceTimeout: 5000,
    turnWithin: 0,
  }
  const mistakes: unknown[] = []
  const fail = () => {
    throw new Error('full')
  }
  const listener = {
    alarm: fail,
    record: fail,
    latchesChanged: fail,
    overrule: fail,
    mistake: (error: unknown) => void mistakes.push(error),
  }
  const trips = new Trips(new Map([['valve', valve]]), [], clock, listener)
  trips.trip('valve', 'authentication-failures', 'forged')
  await clock.advance(100)
  assert.equal(trips.phase('valve'), 'tripped')
  assert.ok(mistakes.length >= 4)
})

const WATER_HAMMER: TripGroup = [
  { actuator: 'pump', after: 'written', delay: 0 },
  { actuator: 'valve', after: 'verified', delay: 2000 },
]

test('a step waits until the one before is seen safe, and then for its delay; nobody has control of it meanwhile', async () => {
  const { clock, driver, events, trips } = rig(WATER_HAMMER)
  const written: string[] = []
  driver.onWrite = (point, value) => {
    written.push(`${point} at ${clock.monotonic()}`)
    // The pump takes 300 ms to start.
    void clock
      .sleep(point === 'pump.command' ? 300 : 0)
      .then(() => driver.values.set(point.replace('command', 'feedback'), value))
  }
  trips.trip('valve', 'manual', 'a test')
  assert.ok(events.includes('overrule valve'))
  assert.equal(trips.phase('valve'), 'tripping')
  await clock.advance(5000)
  assert.equal(written[0], 'pump.command at 0')
  const valveAt = Number(/valve.command at ([0-9]+)/.exec(written[1] ?? '')?.[1])
  assert.ok(valveAt >= 2300 && valveAt < 2500, String(valveAt))
  assert.equal(trips.phase('valve'), 'tripped')
})

test('a device that is out of reach for a moment is no step that failed: the next one waits, and nothing is alarmed but the trip', async () => {
  const { clock, driver, events, trips } = rig(WATER_HAMMER)
  const written: string[] = []
  const { write } = driver
  driver.write = async (point, value, timeout, stop) => {
    // The pump's line is being connected again.
    if (point === 'pump.command' && clock.monotonic() < 700) return { kind: 'unreachable', reason: 'no line' }
    written.push(`${point} at ${clock.monotonic()}`)
    return await write.call(driver, point, value, timeout, stop)
  }
  trips.trip('valve', 'manual', 'a test')
  await clock.advance(5000)
  assert.deepEqual(written, ['pump.command at 700', 'valve.command at 2700'])
  assert.deepEqual(
    events.filter(event => event.startsWith('alarm') || event.startsWith('trip-failed')),
    ['alarm pump: a test (tripped together with valve)', 'alarm valve: a test'],
  )
})

test('a step that cannot be told for its whole travel time is passed over, loudly, and told as soon as it can be', async () => {
  const { clock, driver, events, trips } = rig(WATER_HAMMER)
  const { write } = driver
  driver.write = async (point, value, timeout, stop) =>
    point === 'pump.command' && clock.monotonic() < 9000
      ? { kind: 'unreachable', reason: 'no line' }
      : await write.call(driver, point, value, timeout, stop)
  trips.trip('valve', 'manual', 'a test')
  await clock.advance(999)
  assert.ok(!events.includes('trip-failed pump'))
  await clock.advance(4000)
  assert.ok(events.includes('trip-failed pump'))
  assert.deepEqual([trips.phase('pump'), trips.phase('valve')], ['trip-failed', 'tripped'])
  await clock.advance(6000)
  assert.equal(trips.phase('pump'), 'tripped')
})

test('a step that fails does not stop the others', async () => {
  const { clock, driver, trips } = rig(WATER_HAMMER)
  driver.onWrite = (point, value) => {
    if (point === 'valve.command') driver.values.set('valve.feedback', value)
  }
  trips.trip('pump', 'manual', 'a test')
  await clock.advance(5000)
  assert.equal(trips.phase('pump'), 'trip-failed')
  assert.equal(trips.phase('valve'), 'tripped')
})

test('after a restart in the middle of a sequence it goes on in its order', async () => {
  const first = rig(WATER_HAMMER)
  first.trips.trip('valve', 'manual', 'a test')
  const { latches } = first.trips
  const second = rig(WATER_HAMMER)
  second.trips.restore(JSON.parse(JSON.stringify(latches)))
  await second.clock.advance(100)
  assert.deepEqual(
    second.driver.writes.map(({ point }) => point),
    ['pump.command'],
  )
  await second.clock.advance(3000)
  assert.equal(second.trips.phase('valve'), 'tripped')
})

test('an agent that stops in the middle of a sequence does not wait for it', async () => {
  const { trips, driver } = rig(WATER_HAMMER)
  trips.trip('valve', 'manual', 'a test')
  await trips[Symbol.asyncDispose]()
  assert.deepEqual(
    driver.writes.map(({ point }) => point),
    ['pump.command'],
  )
})

test('an interlock acts on one actuator alone and ends by itself; what joins it takes a reset', async () => {
  const { clock, driver, events, trips } = rig()
  trips.trip('valve', 'interlock', 'the tank is full')
  await clock.advance(100)
  assert.equal(trips.phase('valve'), 'tripped')
  assert.equal(trips.phase('pump'), 'normal')
  trips.interlockHealthy('valve')
  assert.equal(trips.phase('valve'), 'normal')
  assert.ok(events.includes('interlock-ended valve'))
  const writes = driver.writes.length
  trips.trip('valve', 'interlock', 'the tank is full')
  trips.trip('valve', 'manual', 'by erika')
  await clock.advance(100)
  trips.interlockHealthy('valve')
  assert.equal(trips.phase('valve'), 'tripped')
  assert.equal(trips.firstOut('valve')?.cause, 'interlock')
  assert.equal(driver.writes.filter(({ point }) => point === 'valve.command').length, writes + 1)
})

test('an actuator that holds where it is in its safe state is not written; nobody has control of it all the same', async () => {
  const clock = new VirtualClock()
  const driver = new FakeDriver({ 'damper.command': 40, 'damper.feedback': 40 })
  const damper: GuardedActuator = {
    id: 'damper',
    driver,
    commandPoint: 'damper.command',
    feedbackPoint: 'damper.feedback',
    safe: undefined,
    tolerance: 0,
    travelTime: 1000,
    staysCommanded: true,
    deviceTimeout: 5000,
    turnWithin: 0,
  }
  const events: string[] = []
  const trips = new Trips(new Map([['damper', damper]]), [], clock, {
    alarm: () => events.push('alarm'),
    record: kind => events.push(kind),
    latchesChanged: () => {},
    overrule: () => events.push('overrule'),
    mistake: () => events.push('mistake'),
  })
  trips.trip('damper', 'manual', 'a test')
  await clock.advance(5000)
  assert.deepEqual(driver.writes, [])
  assert.equal(trips.phase('damper'), 'tripped')
  assert.deepEqual(events, ['alarm', 'overrule', 'trip', 'trip-safe'])
})

test('the evidence for a trip is kept with its cause, for each of the group, until the reset', async () => {
  const evidence = { identity: 'subject eve', count: 5, sources: ['10.0.0.1'], first: 1, last: 2 }
  const first = rig()
  first.trips.trip('valve', 'authentication-failures', 'forged', evidence)
  await first.clock.advance(100)
  const second = rig()
  second.trips.restore(JSON.parse(JSON.stringify(first.trips.latches)))
  for (const actuator of ['valve', 'pump'])
    assert.deepEqual(second.trips.firstOut(actuator)?.evidence, evidence)
  second.trips.acknowledge('valve', 'erika')
  assert.deepEqual(second.trips.firstOut('valve')?.evidence, evidence)
  await second.trips.reset('valve', async () => true)
  assert.equal(second.trips.firstOut('valve'), undefined)
})

test('the latch of an actuator that one run does not have is not forgotten: the run after it finds it tripped', async () => {
  const record: TripRecord = { cause: 'manual', detail: 'by erika', at: 1 }
  const kept: Kept = { ...NOTHING_KEPT, latches: { fan: { record, safe: true, latched: true } } }
  const saved: Kept[] = []
  const file = { save: async (state: Kept) => void saved.push(state) }
  const { clock, trips, driver } = rig()
  await using keeper = new FailsafeKeeper(file, clock, detail => assert.fail(detail))
  const nothing = { kept: {}, restore: () => {} }
  const failures = { kept: NOTHING_KEPT.evidence, restore: () => {} }
  keeper.restore(kept, { trips, failures, holds: nothing })
  assert.equal(trips.phase('fan'), 'normal')
  trips.trip('valve', 'manual', 'by hans')
  await clock.advance(100)
  keeper.save()
  assert.equal(await keeper.kept(), undefined)
  assert.deepEqual(Object.keys(saved.at(-1)?.latches ?? {}).sort(), ['fan', 'pump', 'valve'])
  assert.deepEqual(saved.at(-1)?.latches.fan, kept.latches.fan)
  assert.ok(driver.writes.every(({ point }) => !point.startsWith('fan')))
})

test('an actuator trips with its group, and without one by itself', () => {
  const { trips } = rig()
  assert.deepEqual(trips.tripsWith('valve'), ['pump', 'valve'])
  assert.deepEqual(trips.tripsWith('fan'), ['fan'])
})
