import type { PlantFile } from '../../../simulator/plant.ts'
import { startRig, WATER_PLANT } from '../water-plant.ts'

type PlcFile = NonNullable<PlantFile['plc']>

/**
 * The water plant with a watchdog, and with one its fallback: inlet valve closed, pump on, drain valve a quarter open.
 */
export function startGuarded(watchdog: PlcFile['watchdog'], more: Partial<PlcFile> = {}) {
  const { modbus } = WATER_PLANT.plc
  if (watchdog === undefined) return startRig([], { plc: { ...WATER_PLANT.plc, ...more } })
  return startRig([], {
    plc: {
      ...WATER_PLANT.plc,
      ...more,
      watchdog,
      modbus: {
        ...modbus,
        coils: [
          { address: 0, signal: 'inlet-valve.command', fallback: 0, fallback_register: 200 },
          { address: 1, signal: 'coolant-pump.command', fallback: 1, fallback_register: 201 },
          { address: 2, initial: 1 },
        ],
        holding_registers: [
          { address: 0, initial: 7 },
          { address: 1 },
          {
            address: 10,
            signal: 'drain-valve.command',
            scale: 1000,
            fallback: 250,
            fallback_register: 202,
          },
        ],
      },
    },
  })
}

export type GuardedRig = Awaited<ReturnType<typeof startGuarded>>

/** What the master has commanded, as the image shows it. */
export function commandsOf({ plant: { image } }: GuardedRig): readonly number[] {
  return [image.coil(0), image.coil(1), image.holdingRegister(10)]
}
