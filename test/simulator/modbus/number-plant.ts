import { type Plant, type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { type Order, type RegisterType, WIDTHS } from '../../../simulator/register.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { WATER_PLANT } from '../water-plant.ts'

/** One way in which a number can stand in registers, where it stands in the plant, and what it is. */
export interface NumberCase {
  readonly type: RegisterType
  readonly bytes: Order
  readonly words: Order
  /** Of its holding registers and of its input registers. */
  readonly address: number
  /** What the registers hold at the start. */
  readonly held: number
  /** What a master writes. */
  readonly written: number
}

/** Values that would come out as others in a wrong order, with a wrong sign or in a wrong width. */
const VALUES: Readonly<Record<RegisterType, readonly [held: number, written: number]>> = {
  int16: [-12_345, 258],
  uint16: [54_321, 258],
  int32: [-1_234_567_890, 66_051],
  uint32: [3_456_789_012, 66_051],
  int64: [-1_234_567_890_123_456, 283_686_952_306_183],
  uint64: [Number.MAX_SAFE_INTEGER, 283_686_952_306_183],
  float32: [-1234.5, 0.15625],
  float64: [-1.234567890123e-200, 0.1],
}

const ORDERS = ['big', 'little'] as const

/** Every type in every order: 28 of them. */
export const CASES: readonly NumberCase[] = (
  Object.entries(VALUES) as [RegisterType, readonly [number, number]][]
)
  .flatMap(([type, [held, written]]) =>
    ORDERS.flatMap(bytes =>
      (WIDTHS[type] === 1 ? (['big'] as const) : ORDERS).map(words => ({
        type,
        bytes,
        words,
        held,
        written,
      })),
    ),
  )
  .map((one, i) => ({ ...one, address: 4 * i }))

/** The words of a configuration, the plant's and the agent's alike. */
export function wordsOf({ type, bytes, words }: NumberCase) {
  return { type, byte_order: bytes, ...(WIDTHS[type] === 1 ? {} : { word_order: words }) }
}

/** A plant with each of them as memory, and as a sensor of a temperature that shows it. */
export async function startNumberPlant(): Promise<Plant> {
  const plant: PlantFile = {
    ...WATER_PLANT,
    plc: {
      scan_cycle: '10ms',
      modbus: {
        host: '127.0.0.1',
        port: 0,
        holding_registers: CASES.map(one => ({ address: one.address, ...wordsOf(one), initial: one.held })),
        input_registers: CASES.map(one => ({
          address: one.address,
          ...wordsOf(one),
          signal: 'cooling-loop.temperature',
          // The temperature is 1, and stays there: what stands in the registers is the scale.
          scale: one.held,
        })),
      },
    },
    elements: {
      'cooling-loop': {
        ...WATER_PLANT.elements['cooling-loop'],
        initial_temperature_c: 1,
        ambient_c: 1,
        heat_load_kw: 0,
      },
    },
  }
  return startPlant({ plant }, { clock: new VirtualClock() })
}

/** The number as the plant itself understands what is in its registers. */
export function numberIn(plant: Plant, { address }: NumberCase): number | undefined {
  return plant.plc('plc').readNode(`holding-register.${address}`).value
}
