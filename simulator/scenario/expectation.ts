import { formatDuration } from '../../model/time.ts'
import type { ImageView, Table } from '../image.ts'
import type { Plant } from '../plant.ts'
import { cellOf, type Expectation } from './schema.ts'

/** What an expectation found when it looked. */
export interface Found {
  readonly holds: boolean
  readonly value: number | string
}

/** Looks at a plant, now. */
export function look(plant: Plant, expectation: Expectation): Found {
  const { signal, shown, watchdog, equals, min, max } = expectation
  const plc = expectation.plc === undefined ? plant : plant.plc(expectation.plc)
  if (watchdog !== undefined) return { holds: plc.watchdog === watchdog, value: plc.watchdog }
  const cell = cellOf(expectation)
  const value =
    signal !== undefined
      ? plant.truth(signal)
      : shown !== undefined
        ? (plant.readings.get(shown) ?? Number.NaN)
        : cell
          ? readCell(plc.image, cell.table, cell.address)
          : Number.NaN
  const holds =
    equals === undefined
      ? value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY)
      : value === equals
  return { holds, value }
}

/** An expectation in words: `tank.level at least 1.2 within 30s`. */
export function describeExpectation(expectation: Expectation): string {
  const { signal, shown, watchdog, plc, equals, min, max, within, throughout } = expectation
  const cell = cellOf(expectation)
  const subject =
    signal ?? (shown ? `the sensor of ${shown}` : cell ? `${cell.table} ${cell.address}` : 'watchdog')
  return [
    plc === undefined ? subject : `${plc}: ${subject}`,
    ...(watchdog === undefined ? [] : [watchdog]),
    ...(equals === undefined ? [] : [`is ${equals}`]),
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
    ...(within === undefined ? [] : [`within ${formatDuration(within)}`]),
    ...(throughout === undefined ? [] : [`throughout ${formatDuration(throughout)}`]),
  ].join(' ')
}

function readCell(image: ImageView, table: Table, address: number): number {
  switch (table) {
    case 'coil':
      return image.coil(address)
    case 'discrete-input':
      return image.discreteInput(address)
    case 'holding-register':
      return image.holdingRegister(address)
    case 'input-register':
      return image.inputRegister(address)
  }
}
