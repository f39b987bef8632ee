import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { type DriverRig, describeDriver } from '../driver.contract.ts'
import { Connected, type PointText } from './connected.ts'

const PLANT: PlantFile = {
  plant: 'contract',
  plc: {
    scan_cycle: '10ms',
    modbus: {
      host: '127.0.0.1',
      port: 0,
      unit: 1,
      coils: [{ address: 0 }, { address: 1, signal: 'pump.command' }],
      discrete_inputs: [{ address: 0, signal: 'pump.running' }],
      holding_registers: [{ address: 0 }],
      input_registers: [],
    },
  },
  elements: {
    pump: { kind: 'pump', cools: 'loop', spin_up: '10ms' },
    loop: {
      kind: 'cooling-loop',
      thermal_mass_kj_per_k: 200,
      heat_load_kw: 25,
      ambient_c: 18,
      cooling_kw_per_k: 1.5,
      loss_kw_per_k: 0.2,
      initial_temperature_c: 32,
    },
  },
}

async function modbusRig(out: PointText, inFlight: number): Promise<DriverRig> {
  const clock = new VirtualClock()
  const plant = await startPlant({ plant: PLANT }, { clock, port: 0 })
  const connected = await Connected.to(tcpWay(plant.address), { inFlight })
  const driver = connected.driver({ out, in: { discrete_input: 0 } })
  // The input is a sensor of the plant: the pump is what makes it show anything.
  const pump = connected.driver({ pump: { coil: 1 } })
  return {
    driver,
    holds: point => {
      if (point === 'in') return Number(plant.image.discreteInput(0))
      return Number(out.coil === undefined ? plant.image.holdingRegister(0) : plant.image.coil(0))
    },
    setInput: async value => {
      await pump.write('pump', value, AbortSignal.timeout(5000))
      await clock.advance(1000)
    },
    silence: () => plant.faults.set({ kind: 'silent', effect: 'done' }),
    reject: () => plant.faults.set({ kind: 'exception', code: 2 }),
    unplug: async () => {
      await plant.faults.set({ kind: 'dropped-link' })
      await connected.connected(false)
    },
    heal: async () => {
      await plant.faults.clear()
      await connected.connected(true)
    },
    [Symbol.asyncDispose]: async () => {
      await connected[Symbol.asyncDispose]()
      await plant[Symbol.asyncDispose]()
    },
  }
}

describeDriver('Modbus TCP, a coil, one request at a time', () => modbusRig({ coil: 0 }, 1))
describeDriver('Modbus TCP, a coil, pipelined', () => modbusRig({ coil: 0 }, 16))
describeDriver('Modbus TCP, a coil by function code 15', () => modbusRig({ coil: 0, write_function: 15 }, 1))
describeDriver('Modbus TCP, a holding register', () => modbusRig({ holding_register: 0 }, 1))
describeDriver('Modbus TCP, a holding register by function code 16', () =>
  modbusRig({ holding_register: 0, write_function: 16 }, 16),
)
