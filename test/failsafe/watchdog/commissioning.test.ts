import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareFallbacks, replaceStaleCommands } from '../../../failsafe/watchdog/commissioning.ts'
import type { GuardedOutput } from '../../../failsafe/watchdog/guarded-device.ts'
import { Registers, Trouble } from '../../../failsafe/watchdog/registers.ts'
import { FakeDriver } from '../../drivers/fake-driver.ts'

function output(more: Partial<GuardedOutput> = {}): GuardedOutput {
  return {
    actuator: 'valve',
    commandPoint: 'valve.command',
    staysCommanded: true,
    fallbackPoint: 'valve.fallback',
    safe: { setpoint: 20, write: 20 },
    tolerance: 0.25,
    ...more,
  }
}

function device(command: number, fallback: number) {
  const driver = new FakeDriver({ 'valve.command': command, 'valve.fallback': fallback })
  return { driver, registers: new Registers(driver, 500) }
}

const COMPARED: readonly (readonly [
  name: string,
  fallback: number,
  more: Partial<GuardedOutput>,
  kind: string,
])[] = [
  ['the same value agrees', 20, {}, 'agrees'],
  ['a difference that the device cannot tell agrees', 20.25, {}, 'agrees'],
  ['a larger one disagrees', 20.5, {}, 'disagrees'],
  ['another value disagrees', 0, {}, 'disagrees'],
  ['what stays as it is is not compared', 0, { safe: undefined, fallbackPoint: undefined }, 'agrees'],
  [
    'what the kind of device says was compared when the configuration was read',
    0,
    { fallbackPoint: undefined },
    'agrees',
  ],
]

for (const [name, fallback, more, kind] of COMPARED) {
  test(`a fallback beside the safe state: ${name}`, async () => {
    const { driver, registers } = device(0, fallback)
    assert.equal((await compareFallbacks('plc', [output(more)], registers)).kind, kind)
    assert.deepEqual(driver.writes, [])
  })
}

test('a fallback that cannot be read is neither right nor wrong', async () => {
  const { driver, registers } = device(0, 20)
  driver.nextRead = { kind: 'failed', reason: 'no answer' }
  assert.deepEqual(await compareFallbacks('plc', [output()], registers), {
    kind: 'unread',
    detail: 'valve.fallback cannot be read: no answer',
  })
})

const STALE: readonly (readonly [
  name: string,
  command: number,
  more: Partial<GuardedOutput>,
  writes: number[],
])[] = [
  ['an older command is replaced by the safe value', 80, {}, [20]],
  ['the safe value is not written again', 20, {}, []],
  ['a pulse left nothing behind', 80, { staysCommanded: false }, []],
  ['what is to stay as it is is left', 80, { safe: undefined }, []],
]

for (const [name, command, more, writes] of STALE) {
  test(`before a device that has fallen back is armed again: ${name}`, async () => {
    const { driver, registers } = device(command, 20)
    assert.equal(await replaceStaleCommands([output(more)], registers), undefined)
    assert.deepEqual(
      driver.writes.map(({ value }) => value),
      writes,
    )
  })
}

test('an older command that cannot be replaced keeps the device from being armed', async () => {
  const { driver, registers } = device(80, 20)
  driver.nextWrite = { kind: 'rejected', reason: 'no' }
  assert.ok((await replaceStaleCommands([output()], registers)) instanceof Trouble)
})
