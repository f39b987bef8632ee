import modbusSerial from 'modbus-serial'
import { type Plant, type PlantFile, startPlant } from '../../simulator/plant.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const { default: ModbusClient } = modbusSerial
type ModbusClient = InstanceType<typeof ModbusClient>

/** A plant with one element of each kind and at least one cell in each table. */
export const WATER_PLANT = {
  plant: 'water',
  plc: {
    scan_cycle: '10ms',
    modbus: {
      host: '127.0.0.1',
      port: 0,
      unit: 1,
      coils: [
        { address: 0, signal: 'inlet-valve.command' },
        { address: 1, signal: 'coolant-pump.command' },
        { address: 2, initial: 1 },
      ],
      discrete_inputs: [
        { address: 0, signal: 'coolant-pump.running' },
        { address: 1, signal: 'inlet-valve.closed' },
      ],
      holding_registers: [
        { address: 0, initial: 7 },
        { address: 1 },
        { address: 10, signal: 'drain-valve.command', scale: 1000 },
      ],
      input_registers: [
        { address: 0, signal: 'inlet-valve.position', scale: 1000 },
        { address: 1, signal: 'tank.level', scale: 1000 },
        { address: 2, signal: 'cooling-loop.temperature', scale: 10, type: 'int16' },
        { address: 3, signal: 'drain-valve.position', scale: 1000 },
      ],
    },
  },
  elements: {
    'inlet-valve': { kind: 'valve', fills: 'tank', stroke_time: '300ms', flow_l_s: 6, leakage_l_s: 0.02 },
    'drain-valve': { kind: 'valve', fills: 'tank', stroke_time: '1s', flow_l_s: 1 },
    'coolant-pump': { kind: 'pump', cools: 'cooling-loop', spin_up: '200ms' },
    tank: { kind: 'tank', area_m2: 2, height_m: 3, initial_level_m: 1.2, demand_l_s: 2 },
    'cooling-loop': {
      kind: 'cooling-loop',
      thermal_mass_kj_per_k: 200,
      heat_load_kw: 25,
      ambient_c: 18,
      cooling_kw_per_k: 1.5,
      loss_kw_per_k: 0.2,
      initial_temperature_c: 32,
    },
  },
} satisfies PlantFile

/** The plant in virtual time, with a client of another make connected to it. */
export interface Rig extends AsyncDisposable {
  readonly plant: Plant
  readonly clock: VirtualClock
  readonly client: ModbusClient
}

/** `changes` replace whole keys of the plant file. */
export async function startRig(
  faults: PlantFile['faults'] = [],
  changes: Partial<PlantFile> = {},
): Promise<Rig> {
  const clock = new VirtualClock()
  const plant = await startPlant({ plant: { ...WATER_PLANT, ...changes, faults } }, { clock })
  const client = await connect(plant)
  return {
    plant,
    clock,
    client,
    async [Symbol.asyncDispose]() {
      client.destroy(() => {})
      await plant[Symbol.asyncDispose]()
    },
  }
}

export async function connect(plant: Pick<Plant, 'address'>): Promise<ModbusClient> {
  const client = new ModbusClient()
  client.on('error', () => {})
  await client.connectTCP(plant.address.host, { port: plant.address.port })
  client.setID(1)
  // Only a test that hangs ever meets it.
  client.setTimeout(10_000)
  return client
}
