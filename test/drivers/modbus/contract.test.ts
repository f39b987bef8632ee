import { join } from 'node:path'
import type { Way } from '../../../drivers/modbus/link.ts'
import { serialWay } from '../../../drivers/modbus/serial.ts'
import { rtuOverTcpWay, tcpWay } from '../../../drivers/modbus/tcp.ts'
import { tlsWay } from '../../../drivers/modbus/tls.ts'
import type { Address } from '../../../simulator/modbus/server.ts'
import { type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { Authority } from '../../agent/certificates.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { type DriverRig, describeDriver } from '../driver.contract.ts'
import { Connected, type PointText } from './connected.ts'
import { RtuGateway } from './rtu-gateway.ts'
import { SerialLine } from './serial-line.ts'
import { TlsFront } from './tls-front.ts'

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

/** Something between the driver and the plant that has to be pulled out as well. */
interface Between extends AsyncDisposable {
  readonly way: Way
  drop(): Promise<void>
  restore(): Promise<void>
}

const nothing = async (address: Address): Promise<Between> => ({
  way: tcpWay(address),
  drop: async () => {},
  restore: async () => {},
  [Symbol.asyncDispose]: async () => {},
})

async function deviceServer(address: Address): Promise<Between> {
  const gateway = new RtuGateway(address)
  await gateway.restore()
  return {
    way: rtuOverTcpWay({ host: '127.0.0.1', port: gateway.port }),
    drop: () => gateway.drop(),
    restore: () => gateway.restore(),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

async function serialLine(address: Address): Promise<Between> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const gateway = stack.use(new RtuGateway(address))
  await gateway.restore()
  const line = stack.use(new SerialLine(join(folder.path, 'ttyTEST')))
  await line.plug(gateway.port)
  const running = stack.move()
  const settings = { baudRate: 115_200, dataBits: 8, parity: 'none', stopBits: 1 } as const
  return {
    way: serialWay({ path: line.path, ...settings }),
    drop: () => line.unplug(),
    restore: () => line.plug(gateway.port),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function secured(address: Address): Promise<Between> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const authority = await Authority.make(folder.path, 'plant-ca')
  const server = stack.use(
    new TlsFront(address, await authority.issue('plc', 'IP:127.0.0.1'), authority.path),
  )
  await server.restore()
  const ours = await authority.issue('gateway', 'DNS:gateway')
  const running = stack.move()
  return {
    way: tlsWay({ host: '127.0.0.1', port: server.port, ...ours, ca: authority.path }),
    drop: () => server.drop(),
    restore: () => server.restore(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function modbusRig(
  out: PointText,
  inFlight: number,
  makeBetween: (address: Address) => Promise<Between> = nothing,
): Promise<DriverRig> {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock()
  const plant = stack.use(await startPlant({ plant: PLANT }, { clock, port: 0 }))
  const between = stack.use(await makeBetween(plant.address))
  const connected = stack.use(await Connected.to(between.way, { inFlight, timeout: 150 }))
  const driver = connected.driver({ out, in: { discrete_input: 0 } })
  // The input is a sensor of the plant: the pump is what makes it show anything.
  const pump = connected.driver({ pump: { coil: 1 } })
  const running = stack.move()
  return {
    driver,
    holds: point => {
      if (point === 'in') return Number(plant.image.discreteInput(0))
      return Number(out.coil === undefined ? plant.image.holdingRegister(0) : plant.image.coil(0))
    },
    setInput: async value => {
      await pump.write('pump', value, 5000)
      await clock.advance(1000)
    },
    silence: () => plant.faults.set({ kind: 'silent', effect: 'done' }),
    reject: () => plant.faults.set({ kind: 'exception', code: 2 }),
    unplug: async () => {
      await between.drop()
      await plant.faults.set({ kind: 'dropped-link' })
      await connected.connected(false)
    },
    heal: async () => {
      await plant.faults.clear()
      await between.restore()
      while ((await driver.read('in', 100)).kind !== 'value') await connected.connected(true)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

describeDriver('Modbus TCP, a coil, one request at a time', () => modbusRig({ coil: 0 }, 1))
describeDriver('Modbus TCP, a coil, pipelined', () => modbusRig({ coil: 0 }, 16))
describeDriver('Modbus TCP, a coil by function code 15', () => modbusRig({ coil: 0, write_function: 15 }, 1))
describeDriver('Modbus TCP, a holding register', () => modbusRig({ holding_register: 0 }, 1))
describeDriver('Modbus TCP, a holding register by function code 16', () =>
  modbusRig({ holding_register: 0, write_function: 16 }, 16),
)
describeDriver('Modbus/TCP Security', () => modbusRig({ holding_register: 0 }, 4, secured))
describeDriver('Modbus RTU over TCP', () => modbusRig({ holding_register: 0 }, 1, deviceServer))
describeDriver('Modbus RTU on a serial line', () => modbusRig({ coil: 0 }, 1, serialLine))
