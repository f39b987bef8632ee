import type { Plant } from '../../simulator/plant.ts'
import { Gateway, type GatewayOptions } from './gateway.ts'

export const WATCHDOG_TIME = 2000

const PLANT: NonNullable<GatewayOptions['plant']> = [
  [
    ['plc', 'watchdog'],
    {
      kind: 'register',
      register: 100,
      time: '9s',
      time_register: 102,
      status_register: 210,
      rearm: { register: 101, value: 165 },
    },
  ],
  [['plc', 'modbus', 'coils', 0, 'fallback'], 0],
  [['plc', 'modbus', 'coils', 0, 'fallback_register'], 200],
  [['plc', 'modbus', 'coils', 1, 'fallback'], 1],
  [['plc', 'modbus', 'coils', 1, 'fallback_register'], 201],
]

const SETTINGS: NonNullable<GatewayOptions['settings']> = [
  [
    ['devices', 'plc', 'watchdog'],
    {
      kind: 'register',
      register: 100,
      time: `${WATCHDOG_TIME}ms`,
      time_register: 102,
      status: { input_register: 210 },
      rearm: { register: 101, value: 165 },
    },
  ],
  [['actuators', 'inlet-valve', 'device_fallback'], { input_register: 200 }],
  [['actuators', 'coolant-pump', 'device_fallback'], { input_register: 201 }],
]

/**
 * The example's gateway over a PLC with a watchdog of 2 s: without a master it closes the inlet valve and switches the coolant pump
 * on, which are their safe states.
 */
export async function guardedGateway(more: GatewayOptions = {}): Promise<Gateway> {
  return await Gateway.start({
    ...more,
    settings: [...SETTINGS, ...(more.settings ?? [])],
    plant: [...PLANT, ...(more.plant ?? [])],
  })
}

const DEADLINE = 30_000

/** Resolves, with the milliseconds that it took, at the first scan of the plant at which this is so. */
export async function untilPlant(plant: Plant, isSo: () => boolean): Promise<number> {
  const began = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const end = plant.onScan(() => {
    if (isSo()) resolve(performance.now() - began)
    else if (performance.now() - began > DEADLINE) reject(new Error('the plant did not come to this in time'))
  })
  try {
    return await promise
  } finally {
    end()
  }
}

/** The outputs are what the device falls back to, and the plant has followed. */
export function isFallenBack(plant: Plant): boolean {
  return (
    plant.image.coil(0) === 0 &&
    plant.image.coil(1) === 1 &&
    plant.valve('inlet-valve').isClosed &&
    plant.pump('coolant-pump').isRunning
  )
}
