import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Progress } from '../../../agent/command/progress.ts'
import { feedWatchdog } from '../../../agent/service/watchdog.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { describeDriver } from '../../drivers/driver.contract.ts'
import { FakeDriver } from '../../drivers/fake-driver.ts'
import { fakeRig } from '../../drivers/fake-rig.ts'
import { commandRig } from './rig.ts'

test('what ends in its time is not stuck, however much of it there was', async () => {
  const clock = new VirtualClock()
  const progress = new Progress(clock)
  for (let count = 0; count < 100; count += 1) {
    using _ = progress.begin('a command', 500)
    await clock.advance(400)
    assert.equal(progress.stuck, undefined)
  }
  await clock.advance(10_000)
  assert.equal(progress.stuck, undefined)
})

test('what has not ended a second after its time is stuck until it ends, and is named', async () => {
  const clock = new VirtualClock()
  const progress = new Progress(clock)
  const fast = progress.begin('a command to valve', 500)
  const slow = progress.begin('a command to pump', 60_000)
  await clock.advance(1500)
  assert.equal(progress.stuck, undefined)
  await clock.advance(1)
  assert.equal(progress.stuck, 'a command to valve has not ended for 1.5s')
  fast[Symbol.dispose]()
  assert.equal(progress.stuck, undefined)
  slow[Symbol.dispose]()
})

test('a request to a device that never returns is stuck, whoever made it', async () => {
  const clock = new VirtualClock()
  const progress = new Progress(clock)
  const fake = new FakeDriver({ 'valve.command': 0 })
  const released = Promise.withResolvers<void>()
  // A driver that forgot its signal.
  fake.write = async () => {
    await released.promise
    return { kind: 'accepted' }
  }
  const write = progress.over(fake, 'plc', 500, 0).write('valve.command', 1, 1)
  await clock.advance(5501)
  assert.equal(progress.stuck, 'a write of valve.command on plc has not ended for 5.5s')
  released.resolve()
  assert.deepEqual(await write, { kind: 'accepted' })
  assert.equal(progress.stuck, undefined)
})

test('a command whose write never returns is stuck; one that takes its whole travel time is not', async () => {
  await using rig = await commandRig()
  const released = Promise.withResolvers<void>()
  rig.driver.write = async () => {
    await released.promise
    return { kind: 'accepted' }
  }
  const answer = rig.send(rig.sign(rig.issue()))
  const until = async (ms: number) => {
    while (rig.clock.monotonic() < ms) await new Promise(resolve => setImmediate(resolve))
  }
  await until(33_000)
  const inTime = rig.commands.progress.stuck
  await until(35_000)
  const late = rig.commands.progress.stuck
  released.resolve()
  assert.equal((await answer).outcome.kind, 'mismatch')
  assert.equal(inTime, undefined)
  assert.match(late ?? '', /^a command to valve has not ended for 3[45]/)
  assert.equal(rig.commands.progress.stuck, undefined)
})

test("systemd's watchdog is fed at half its time, and not while the command path is stuck", async () => {
  const clock = new VirtualClock()
  const progress = new Progress(clock)
  const fed: number[] = []
  const over = new AbortController()
  feedWatchdog(
    '4000000',
    async () => void fed.push(clock.monotonic()),
    () => progress.stuck,
    clock,
    over.signal,
  )
  await clock.advance(4000)
  const command = progress.begin('a command', 1000)
  await clock.advance(6000)
  command[Symbol.dispose]()
  await clock.advance(4000)
  over.abort()
  assert.deepEqual(fed, [0, 2000, 4000, 6000, 12_000, 14_000])
})

describeDriver('a watched driver', async () => {
  const rig = await fakeRig()
  return { ...rig, driver: new Progress(new VirtualClock()).over(rig.driver, 'plc', 500, 0) }
})
