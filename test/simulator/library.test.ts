import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PlantFile, startPlant, VirtualClock } from '../../simulator/library.ts'
import { RawClient } from './modbus/raw-client.ts'

const PLANT = {
  plant: 'mine',
  plc: {
    scan_cycle: '10ms',
    modbus: { host: '127.0.0.1', port: 0, coils: [{ address: 0, signal: 'inlet.command', initial: 1 }] },
  },
  elements: {
    inlet: { kind: 'valve', fills: 'tank', stroke_time: '1s', flow_l_s: 4 },
    tank: { kind: 'tank', area_m2: 1, height_m: 2, initial_level_m: 1, demand_l_s: 0 },
    loop: {
      kind: 'cooling-loop',
      thermal_mass_kj_per_k: 100,
      heat_load_kw: 10,
      ambient_c: 20,
      cooling_kw_per_k: 1,
      initial_temperature_c: 20,
    },
    coolant: { kind: 'pump', cools: 'loop', spin_up: '1s' },
  },
} satisfies PlantFile

describe('the simulator as a library', () => {
  it('shows each element as it truly is', async () => {
    const clock = new VirtualClock()
    await using plant = await startPlant({ plant: PLANT }, { clock })
    await plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 0 })
    await clock.advance(2000)
    assert.equal(plant.valve('inlet').isOpen, true)
    assert.equal(plant.valve('inlet').flow_l_s, 4)
    assert.ok(plant.tank('tank').level_m > 1.004)
    assert.equal(plant.pump('coolant').isRunning, false)
    assert.ok(plant.coolingLoop('loop').temperature_c > 20.1)
    assert.equal(plant.readings.get('tank.level'), 0)
  })

  it('says so when there is no such thing', async () => {
    await using plant = await startPlant({ plant: PLANT }, { clock: new VirtualClock() })
    assert.throws(() => plant.valve('outlet'), /the plant has no valve outlet/)
    assert.throws(() => plant.pump('inlet'), /the plant has no pump inlet/)
    assert.throws(() => plant.plc('spare'), /the plant has no PLC spare; it has plc/)
  })

  it('frees its port at the end of the block', async () => {
    let address = { host: '', port: 0 }
    {
      await using plant = await startPlant({ plant: PLANT }, { clock: new VirtualClock() })
      address = plant.address
      using client = await RawClient.connect(plant)
      client.send('00')
    }
    await assert.rejects(RawClient.connect({ address }), { code: 'ECONNREFUSED' })
  })
})
