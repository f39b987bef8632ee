import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Driver, ReadResult } from '../../drivers/driver.ts'

/** A driver with a device behind it that the suite can disturb. The device has the points `out` (writable) and `in`. */
export interface DriverRig extends AsyncDisposable {
  readonly driver: Driver
  /** What the device itself holds. */
  holds(point: 'out' | 'in'): number | Promise<number>
  setInput(value: number): Promise<void>
  /** The device takes requests and answers none. */
  silence(): Promise<void>
  /** The device answers every request with a no. */
  reject(): Promise<void>
  /** The device cannot be reached, and is known not to be. */
  unplug(): Promise<void>
  /** All of that is over; resolves when the device can be used again. */
  heal(): Promise<void>
}

const SOON = 150
const LATER = 5000

/** The value of a reading; a reading that has none shows in the comparison what was said instead. */
export function valueIn(reading: ReadResult): number | string {
  return reading.kind === 'value' ? reading.value : reading.reason
}

/** What every driver promises. Each implementation runs this, and so does the fake. */
export function describeDriver(name: string, makeRig: () => Promise<DriverRig>): void {
  test(`${name}: a write is accepted once the device has it, and reading shows what the device holds`, async () => {
    await using rig = await makeRig()
    assert.deepEqual(await rig.driver.write('out', 1, LATER), { kind: 'accepted' })
    assert.equal(await rig.holds('out'), 1)
    assert.equal(valueIn(await rig.driver.read('out', LATER)), 1)
    await rig.setInput(1)
    assert.equal(valueIn(await rig.driver.read('in', LATER)), 1)
    await rig.setInput(0)
    assert.equal(valueIn(await rig.driver.read('in', LATER)), 0)
  })

  test(`${name}: a write that is not answered is unknown, and is not sent again`, async () => {
    await using rig = await makeRig()
    await rig.silence()
    const result = await rig.driver.write('out', 1, SOON)
    assert.equal(result.kind, 'unknown')
    await rig.heal()
    assert.equal(valueIn(await rig.driver.read('out', LATER)), await rig.holds('out'))
  })

  test(`${name}: a read that is not answered fails, with a reason`, async () => {
    await using rig = await makeRig()
    await rig.silence()
    const result = await rig.driver.read('in', SOON)
    assert.equal(result.kind, 'failed')
    assert.match(result.kind === 'failed' ? result.reason : '', /./)
  })

  test(`${name}: a device's no is rejected, and nothing is written`, async () => {
    await using rig = await makeRig()
    await rig.reject()
    const result = await rig.driver.write('out', 1, LATER)
    assert.equal(result.kind, 'rejected')
    assert.equal(await rig.holds('out'), 0)
  })

  test(`${name}: without a way to the device nothing is sent, nothing waits, and nothing is sent later`, async () => {
    await using rig = await makeRig()
    await rig.unplug()
    assert.equal((await rig.driver.write('out', 1, LATER)).kind, 'unreachable')
    assert.equal((await rig.driver.read('in', LATER)).kind, 'failed')
    await rig.heal()
    assert.equal(valueIn(await rig.driver.read('out', LATER)), 0)
    assert.equal(await rig.holds('out'), 0)
  })

  test(`${name}: what comes after the way to the device was lost is another connection, and nothing else is`, async () => {
    await using rig = await makeRig()
    const { connections } = rig.driver
    await rig.driver.write('out', 1, LATER)
    await rig.driver.read('in', LATER)
    await rig.reject()
    await rig.driver.write('out', 0, LATER)
    assert.equal(rig.driver.connections, connections)
    await rig.unplug()
    await rig.heal()
    assert.notEqual(rig.driver.connections, connections)
  })

  test(`${name}: a reading says how old it may be, and is no older than the asking`, async () => {
    await using rig = await makeRig()
    const began = performance.now()
    const reading = await rig.driver.read('in', LATER)
    const elapsed = performance.now() - began
    assert.ok(reading.kind === 'value' && reading.age >= 0 && reading.age <= elapsed, JSON.stringify(reading))
  })

  test(`${name}: a read that confirms a write towards safe shows what the device holds, and fails as any other does`, async () => {
    await using rig = await makeRig()
    await rig.driver.write('out', 1, LATER)
    assert.equal(valueIn(await rig.driver.read('out', LATER, undefined, 'confirm-safe')), 1)
    await rig.silence()
    assert.equal((await rig.driver.read('out', SOON, undefined, 'confirm-safe')).kind, 'failed')
  })

  test(`${name}: what was stopped before it began sends nothing`, async () => {
    await using rig = await makeRig()
    assert.equal((await rig.driver.write('out', 1, LATER, AbortSignal.abort())).kind, 'unreachable')
    assert.equal(await rig.holds('out'), 0)
  })

  test(`${name}: asking for a point that was not declared is a mistake of ours`, async () => {
    await using rig = await makeRig()
    await assert.rejects(rig.driver.read('elsewhere', LATER), RangeError)
    await assert.rejects(rig.driver.write('elsewhere', 1, LATER), RangeError)
  })

  test(`${name}: many requests at once each get their own answer`, async () => {
    await using rig = await makeRig()
    await rig.setInput(1)
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, index) => rig.driver.read(index % 2 ? 'in' : 'out', LATER)),
    )
    assert.deepEqual(
      results.map(valueIn),
      results.map((_, index) => index % 2),
    )
  })
}
