import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BECKHOFF_REGISTERS } from '../../../failsafe/watchdog/beckhoff-watchdog.ts'
import type { RegisterWatchdogSpec } from '../../../failsafe/watchdog/register-watchdog.ts'
import { WAGO_REGISTERS } from '../../../failsafe/watchdog/wago-watchdog.ts'
import { describeGuard } from './guard.contract.ts'
import { type GuardCase, guardRig, holding } from './guard-rig.ts'

function register(more: Partial<RegisterWatchdogSpec>, plant: object): GuardCase {
  return {
    spec: { kind: 'register', time: 2000, feed: 'change', takesTime: false, showsStatus: false, ...more },
    points: {
      ...holding({ 'watchdog.feed': 100, 'watchdog.rearm': 101, 'watchdog.time': 102 }),
      'watchdog.status': { input_register: 210 },
    },
    plant: { kind: 'register', register: 100, time: '2s', ...plant },
  }
}

const PLAIN = register({}, {})
const WHOLE = register(
  { takesTime: true, showsStatus: true, rearm: 165 },
  { time: '9s', time_register: 102, status_register: 210, rearm: { register: 101, value: 165 } },
)
const BECKHOFF: GuardCase = {
  spec: { kind: 'beckhoff', time: 2000, type: 'write-telegram', feed: 'watchdog.feed' },
  points: { ...holding(BECKHOFF_REGISTERS), 'watchdog.feed': { coil: 2 } },
  plant: { kind: 'beckhoff', time: '9s', type: 'telegram' },
}
const WAGO: GuardCase = {
  spec: { kind: 'wago', time: 2000 },
  points: holding(WAGO_REGISTERS),
  plant: { kind: 'wago', time: '9s' },
}

describeGuard('a register that shows nothing and rearms by the next feed', PLAIN)
describeGuard('a register with a time, a status and a value that rearms it', WHOLE)
describeGuard(
  'a register of which the lowest bit is to be flipped',
  register({ feed: 'toggle' }, { feed: 'toggle' }),
)
describeGuard('a register that any write feeds', register({ feed: 'write' }, { feed: 'write' }))
describeGuard('a Beckhoff coupler that writes feed', BECKHOFF)
describeGuard('a WAGO coupler', WAGO)

test('a Beckhoff coupler that any telegram feeds waits for the first write, and is kept by reading from then on', async () => {
  await using rig = await guardRig({
    ...BECKHOFF,
    spec: { kind: 'beckhoff', time: 2000, type: 'telegram', feed: 'coolant-pump.fallback' },
  })
  await rig.guard.turn()
  assert.deepEqual([rig.state.kind, rig.plant.watchdog], ['armed', 'off'])
  assert.deepEqual(
    [rig.plant.image.holdingRegister(0x1120), rig.plant.image.holdingRegister(0x1122)],
    [2000, 1],
  )
  await rig.command('inlet-valve', 1)
  for (let turns = 0; turns < 6; turns += 1) {
    await rig.pass(667)
    await rig.guard.turn()
  }
  assert.equal(rig.plant.watchdog, 'running')
  await rig.pass(2100)
  assert.deepEqual(rig.outputs(), [0, 1])
})

test('a coupler keeps no time of somebody else: what is read back is what was declared', async () => {
  for (const [guarded, address, held] of [
    [BECKHOFF, 0x1120, 2000],
    [WAGO, 0x1000, 20],
    [WHOLE, 102, 2000],
  ] as const) {
    await using rig = await guardRig(guarded)
    await rig.guard.turn()
    assert.equal(rig.plant.image.holdingRegister(address), held)
  }
})

test('a WAGO coupler is fed by nothing but its trigger', async () => {
  await using rig = await guardRig(WAGO)
  await rig.plant.faults.clear()
  await rig.guard.turn()
  const of = (address: number) => rig.plant.image.holdingRegister(address)
  assert.deepEqual([of(0x1001), of(0x1002), of(0x100a)], [0, 0, 0])
})

test('a time that the device does not take leaves it unarmed and unfed, and says what it holds', async () => {
  for (const guarded of [WHOLE, WAGO, BECKHOFF]) {
    await using rig = await guardRig(guarded)
    await rig.plant.faults.set({ kind: 'write-ignored' })
    await rig.guard.turn()
    assert.equal(rig.state.kind, 'unguarded')
    assert.match(
      'detail' in rig.state ? rig.state.detail : '',
      /cannot be armed: watchdog\.\S+ was set to [0-9]+, and the device holds/,
    )
    assert.notEqual(rig.plant.watchdog, 'running')
  }
})

test('a watchdog that is fed and shows that it does not run is not taken for armed', async () => {
  await using rig = await guardRig(register({ showsStatus: true, feed: 'write' }, { status_register: 210 }))
  await rig.plant.faults.set({ kind: 'write-ignored' })
  const turn = rig.guard.turn()
  let isOver = false
  void turn.then(() => {
    isOver = true
  })
  while (!isOver) {
    await rig.pass(20)
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.match('detail' in rig.state ? rig.state.detail : '', /shows that it does not run/)
})

test('a device that ran and of which the fallback cannot be read after a reconnect is kept fed, and is not taken for armed', async () => {
  await using rig = await guardRig(PLAIN)
  await rig.guard.turn()
  await rig.command('inlet-valve', 1)
  await rig.plant.faults.set({ kind: 'dropped-link' })
  await rig.connected.connected(false)
  await rig.guard.turn()
  await rig.plant.faults.clear()
  await rig.connected.connected(true)
  await rig.plant.faults.set({ kind: 'exception', code: 6, on: 'reads' })
  for (let turns = 0; turns < 5; turns += 1) {
    await rig.pass(667)
    await rig.guard.turn()
    assert.equal(rig.state.kind, 'uncommissioned')
  }
  assert.deepEqual([rig.plant.watchdog, ...rig.outputs()], ['running', 1, 0])
  await rig.plant.faults.clear()
  await rig.guard.turn()
  assert.equal(rig.state.kind, 'armed')
})

test('a device that refuses its feed is not taken for armed, and is armed again once it takes it', async () => {
  await using rig = await guardRig(WHOLE)
  await rig.guard.turn()
  await rig.plant.faults.set({ kind: 'exception', code: 6, on: 'writes' })
  await rig.pass(667)
  await rig.guard.turn()
  assert.match(
    'detail' in rig.state ? rig.state.detail : '',
    /cannot be fed: watchdog\.feed cannot be written: exception 6/,
  )
  await rig.plant.faults.clear()
  await rig.guard.turn()
  assert.equal(rig.state.kind, 'armed')
})
