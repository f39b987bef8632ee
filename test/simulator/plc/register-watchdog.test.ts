import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commandsOf, startGuarded } from './coupler-rig.ts'

const PLAIN = { kind: 'register', register: 100, time: '2s', status_register: 210 } as const
const FALLBACK = [0, 1, 250]

describe('a watchdog register', () => {
  it('waits for its first feed, is kept alive by changes, and forces the fallback when they stop', async () => {
    await using rig = await startGuarded(PLAIN)
    const status = () => rig.plant.image.inputRegister(210)
    await rig.client.writeCoils(0, [true, false])
    await rig.client.writeRegister(10, 900)
    await rig.clock.advance(10_000)
    assert.deepEqual([status(), ...commandsOf(rig)], [0, 1, 0, 900])
    for (let count = 1; count <= 5; count++) {
      await rig.client.writeRegister(100, count)
      await rig.clock.advance(1900)
      assert.deepEqual([status(), ...commandsOf(rig)], [1, 1, 0, 900])
    }
    await rig.clock.advance(120)
    assert.deepEqual([status(), ...commandsOf(rig)], [2, ...FALLBACK])
    assert.equal(rig.plant.watchdog, 'expired')
    await rig.clock.advance(1000)
    assert.equal(rig.plant.truth('inlet-valve.position'), 0)
    assert.equal(rig.plant.truth('coolant-pump.speed'), 1)
    assert.equal(rig.plant.truth('drain-valve.position'), 0.25)
  })

  it('takes writes while it has expired, and forces the fallback over them with the next scan', async () => {
    await using rig = await startGuarded({ ...PLAIN, armed: 'start' })
    await rig.clock.advance(2020)
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(10)
    assert.deepEqual(commandsOf(rig), FALLBACK)
    assert.equal(rig.plant.truth('inlet-valve.position'), 0)
  })

  it('is rearmed by the next feed; what was commanded before stays forgotten until it is written anew', async () => {
    await using rig = await startGuarded(PLAIN)
    await rig.client.writeCoil(0, true)
    await rig.client.writeRegister(100, 1)
    await rig.clock.advance(2500)
    await rig.client.writeRegister(100, 2)
    await rig.clock.advance(500)
    assert.equal(rig.plant.watchdog, 'running')
    assert.deepEqual(commandsOf(rig), FALLBACK)
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(500)
    assert.equal(rig.plant.truth('inlet-valve.position'), 1)
  })

  it('has forgotten what was commanded for a write of bits too, which comes before the scan that would have noticed', async () => {
    await using rig = await startGuarded(PLAIN)
    await rig.client.writeRegister(10, 900)
    await rig.client.writeRegister(100, 1)
    await rig.clock.advance(2005)
    assert.equal(rig.plant.image.holdingRegister(10), 900)
    // All bits stay but the lowest: of the fallback, 250.
    await rig.client.maskWriteRegister(10, 0xfffe, 1)
    assert.equal(rig.plant.image.holdingRegister(10), 251)
  })

  it('has forgotten what was commanded even when the feed comes before the scan that would have noticed', async () => {
    await using rig = await startGuarded(PLAIN)
    await rig.client.writeCoil(0, true)
    await rig.client.writeRegister(100, 1)
    await rig.clock.advance(2000)
    assert.equal(rig.plant.image.coil(0), 1)
    await rig.clock.advance(5)
    await rig.client.writeRegister(100, 2)
    assert.deepEqual(commandsOf(rig), FALLBACK)
    await rig.clock.advance(10)
    assert.equal(rig.plant.watchdog, 'running')
  })

  it('is rearmed by nothing but its word where it has one', async () => {
    await using rig = await startGuarded({ ...PLAIN, armed: 'start', rearm: { register: 101, value: 0xa5 } })
    const after = async (register: number, value: number) => {
      await rig.client.writeRegister(register, value)
      await rig.clock.advance(10)
      return rig.plant.watchdog
    }
    await rig.clock.advance(2500)
    assert.equal(await after(100, 1), 'expired')
    assert.equal(await after(101, 0x5a), 'expired')
    assert.equal(await after(101, 0xa5), 'running')
    await rig.clock.advance(1980)
    assert.equal(rig.plant.watchdog, 'running')
    await rig.clock.advance(20)
    assert.equal(rig.plant.watchdog, 'expired')
  })

  it('counts as a feed what its file says', async () => {
    const rows = [
      ['write', [5, 5, 5], 'running'],
      ['change', [5, 5, 5], 'expired'],
      ['change', [5, 6, 7], 'running'],
      ['toggle', [2, 4, 6], 'off'],
      ['toggle', [1, 3, 5], 'expired'],
      ['toggle', [1, 2, 3], 'running'],
    ] as const
    for (const [feed, values, state] of rows) {
      await using rig = await startGuarded({ ...PLAIN, feed })
      for (const value of values) {
        await rig.client.writeRegister(100, value)
        await rig.clock.advance(1500)
      }
      assert.equal(rig.plant.watchdog, state, `${feed} ${values}`)
    }
  })

  it('is fed by a second master that writes its register, until that stops; by the same value only where any write feeds', async () => {
    await using rig = await startGuarded({ ...PLAIN, feed: 'write' })
    await using other = await startGuarded({ ...PLAIN, feed: 'change' })
    const fault = { table: 'holding-register', address: 100, value: 7, every_ms: 500 } as const
    await rig.plant.faults.set({ kind: 'second-master', ...fault })
    await rig.clock.advance(10_000)
    assert.equal(rig.plant.watchdog, 'running')
    await other.plant.faults.set({ kind: 'second-master', ...fault })
    await other.clock.advance(10_000)
    assert.equal(other.plant.watchdog, 'expired')
    await rig.plant.faults.clear('second-master')
    await rig.clock.advance(2020)
    assert.equal(rig.plant.watchdog, 'expired')
  })

  it('is not fed by a feed that never lands', async () => {
    await using rig = await startGuarded({ ...PLAIN, armed: 'start' })
    await rig.plant.faults.set({ kind: 'write-ignored', table: 'holding-register', address: 100 })
    for (let count = 1; count <= 3; count++) {
      await rig.client.writeRegister(100, count)
      await rig.clock.advance(1000)
    }
    assert.equal(rig.plant.watchdog, 'expired')
  })

  it('shows its time and takes another; 0 switches it off', async () => {
    await using rig = await startGuarded({ ...PLAIN, time_register: 102, armed: 'start' })
    assert.deepEqual((await rig.client.readHoldingRegisters(102, 1)).data, [2000])
    await rig.client.writeRegister(102, 300)
    await rig.clock.advance(320)
    assert.equal(rig.plant.watchdog, 'expired')
    await rig.client.writeRegister(102, 0)
    await rig.client.writeRegister(100, 1)
    await rig.clock.advance(60_000)
    assert.equal(rig.plant.watchdog, 'off')
  })

  it('shows each fallback in its register, from the start on, where no client can change it', async () => {
    await using rig = await startGuarded(PLAIN)
    assert.deepEqual((await rig.client.readInputRegisters(200, 3)).data, FALLBACK)
  })
})
