import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { Guard, type GuardState } from '../../../failsafe/watchdog/guard.ts'
import type { GuardedOutput } from '../../../failsafe/watchdog/guarded-device.ts'
import type { WatchdogSpec } from '../../../failsafe/watchdog/watchdog.ts'
import type { PlantFile } from '../../../simulator/plant.ts'
import { Connected, type PointText } from '../../drivers/modbus/connected.ts'
import { startGuarded } from '../../simulator/plc/coupler-rig.ts'

export interface GuardCase {
  readonly spec: WatchdogSpec
  /** The watchdog's own points. */
  readonly points: Readonly<Record<string, PointText>>
  /** The same watchdog as the plant has it. */
  readonly plant: NonNullable<PlantFile['plc']>['watchdog']
}

export function holding(registers: Readonly<Record<string, number>>): Record<string, PointText> {
  return Object.fromEntries(
    Object.entries(registers).map(([name, address]) => [name, { holding_register: address }]),
  )
}

const VALVE: GuardedOutput = {
  actuator: 'inlet-valve',
  commandPoint: 'inlet-valve.command',
  staysCommanded: true,
  fallbackPoint: 'inlet-valve.fallback',
  safe: { setpoint: 'closed', write: 0 },
  tolerance: 0.5,
}
const PUMP: GuardedOutput = {
  actuator: 'coolant-pump',
  commandPoint: 'coolant-pump.command',
  staysCommanded: true,
  fallbackPoint: 'coolant-pump.fallback',
  safe: { setpoint: 'on', write: 1 },
  tolerance: 0.5,
}

/**
 * A guard over the simulated PLC: a valve (safe: closed, falls back to 0) and a pump (safe: on, falls back to 1). Time stands still
 * but for `pass`; turns are taken by hand.
 */
export async function guardRig({ spec, points, plant: watchdog }: GuardCase, pumpSafe = 1) {
  const rig = await startGuarded(watchdog)
  const { plant, clock } = rig
  const connected = await Connected.to(tcpWay(plant.address))
  const driver = connected.driver({
    ...points,
    'inlet-valve.command': { coil: 0 },
    'inlet-valve.fallback': { input_register: 200 },
    'coolant-pump.command': { coil: 1 },
    'coolant-pump.fallback': { input_register: 201 },
  })
  const events: string[] = []
  let stuck: string | undefined
  const device = {
    id: 'plc',
    driver,
    timeout: 1000,
    watchdog: spec,
    onStop: 'leave',
    outputs: [VALVE, { ...PUMP, safe: { setpoint: 'on', write: pumpSafe } }],
  } as const
  const start = () => new Guard(device, clock, () => stuck, listener)
  const listener = {
    changed: (_: string, state: GuardState) => void events.push(state.kind),
    expired: () => void events.push('told of its expiry'),
    armed: () => void events.push('told that it runs'),
  }
  const guard = start()
  const moved: string[] = []
  plant.onWrite(({ table, address, value }) => {
    if (table === 'coil' && address <= 1) moved.push(`coil ${address} := ${value}`)
  })
  return {
    plant,
    connected,
    guard,
    /** Another run of the agent over the same device. */
    start,
    events,
    /** Every write that reached an output. */
    moved,
    get state(): GuardState {
      return guard.state
    },
    stick: (what: string | undefined) => {
      stuck = what
    },
    outputs: () => [plant.image.coil(0), plant.image.coil(1)],
    /** As an operator does. */
    command: (actuator: 'inlet-valve' | 'coolant-pump', value: number) =>
      driver.write(`${actuator}.command`, value, 5000),
    pass: (ms: number) => clock.advance(ms),
    async [Symbol.asyncDispose]() {
      await connected[Symbol.asyncDispose]()
      await rig[Symbol.asyncDispose]()
    },
  }
}
