import type { PlantFile } from '../simulator/plant.ts'

/** Actuators of the bench, each a register of its own: an actuator carries one command at a time, so 16 in flight need 16. */
export const ACTUATORS = 16
/** Registers that no actuator has: the raw client's own. */
export const RAW_REGISTERS = 16
export const SAFE = 0
/** The largest setpoint. Commands are never for the safe one, because those pass by some of the checks. */
export const HIGHEST = 1000

/** The actuator that has a register. */
export function actuatorAt(register: number): string {
  return `register-${register}`
}

/**
 * A plant without physics: plain registers of a PLC. What is written into one is what reads back at once, so the figures
 * are holdfast's and not those of a valve's travel.
 */
export const PLANT: PlantFile = plantWith(ACTUATORS + RAW_REGISTERS)

/** The same with so many registers. */
export function plantWith(registers: number): PlantFile {
  return {
    plant: 'bench',
    plc: {
      scan_cycle: '100ms',
      modbus: {
        host: '127.0.0.1',
        port: 0,
        unit: 1,
        holding_registers: Array.from({ length: registers }, (_, address) => ({ address })),
      },
    },
    elements: {},
  }
}

/** The same as so many PLCs, each on a port of its own, with one register for an actuator and one that no actuator has. */
export function plantOf(plcs: number): PlantFile {
  return {
    plant: 'bench',
    plcs: {
      plc: {
        copies: plcs,
        scan_cycle: '100ms',
        modbus: { host: '127.0.0.1', port: 0, unit: 1, holding_registers: [{ address: 0 }, { address: 1 }] },
      },
    },
    elements: {},
  }
}

/** Where a PLC is. */
interface Address {
  readonly host: string
  readonly port: number
}

/**
 * The agent's configuration for it: an actuator's feedback is the very register that its command writes. Several PLCs have
 * an actuator each, and these trip together.
 */
export function configFor(
  tcti: string,
  plc: Address | readonly Address[],
  more: Readonly<Record<string, object>> = {},
): object {
  const plcs = 'length' in plc ? plc : [plc]
  const actuators =
    'length' in plc
      ? plc.map((_, index) => ({ device: `plc-${index}`, register: 0 }))
      : Array.from({ length: ACTUATORS }, (_, register) => ({ device: 'plc-0', register }))
  return {
    environment: 'bench',
    gateway: 'bench-1',
    state_dir: './state',
    master_key: { source: 'tpm', tcti },
    listeners: [
      {
        name: 'lan',
        tcp: '127.0.0.1:0',
        allowed_networks: ['127.0.0.0/8'],
        unattributed_failures: 'count',
        // Checked like any other, and never reached: a bench is one source that asks as fast as it can.
        rate: { requests: 1_000_000, per: '1s' },
      },
      { name: 'operators', unix: './operator.sock' },
      { name: 'admin', unix: './admin.sock', admin: true },
    ],
    // The simulated PLC answers in any number; a device of the field is declared by what its manual says.
    devices: {
      ...more,
      ...Object.fromEntries(
        plcs.map((address, index) => [
          `plc-${index}`,
          { protocol: 'modbus-tcp', ...address, timeout: '5s', in_flight: 64 },
        ]),
      ),
    },
    actuators: Object.fromEntries(
      actuators.map(({ device, register }, index) => [
        actuatorAt(index),
        {
          device,
          command: { holding_register: register },
          feedback: { holding_register: register },
          feedback_is_command: true,
          range: { min: SAFE, max: HIGHEST },
          safe: SAFE,
          travel_time: '3s',
        },
      ]),
    ),
    ...('length' in plc ? { trip_groups: { all: actuators.map((_, index) => actuatorAt(index)) } } : {}),
    // A bench trips more often than a plant may.
    authentication_failures: { trips_per_day: 1000 },
  }
}
