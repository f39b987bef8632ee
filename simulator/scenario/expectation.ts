import { formatDuration } from '../../model/time.ts'
import type { ImageView, Table } from '../image.ts'
import type { NodeValue, Plant } from '../plant.ts'
import { cellOf, type Expectation } from './schema.ts'

/** What an expectation found when it looked. */
export interface Found {
  readonly holds: boolean
  readonly value: number | string
}

/** Looks at a plant, now. */
export function look(plant: Plant, expectation: Expectation): Found {
  const { signal, shown, watchdog } = expectation
  const plc = expectation.plc === undefined ? plant : plant.plc(expectation.plc)
  if (watchdog !== undefined) return { holds: plc.watchdog === watchdog, value: plc.watchdog }
  if (expectation.node !== undefined) {
    const handle = plant.plc(expectation.plc ?? plant.plcs[0]?.name ?? '')
    return lookAtNode(handle.readNode(expectation.node), expectation)
  }
  const cell = cellOf(expectation)
  const value =
    signal !== undefined
      ? plant.truth(signal)
      : shown !== undefined
        ? (plant.readings.get(shown) ?? Number.NaN)
        : cell
          ? readCell(plc.image, cell.table, cell.address)
          : Number.NaN
  return { holds: isWithin(value, expectation), value }
}

function lookAtNode({ status, value }: NodeValue, expectation: Expectation): Found {
  const { quality, equals, min, max } = expectation
  const isOfQuality = quality === undefined || status.toLowerCase().startsWith(quality)
  const hasValue = (equals ?? min ?? max) === undefined || isWithin(value ?? Number.NaN, expectation)
  return { holds: isOfQuality && hasValue, value: `${value ?? 'no value'}, ${status}` }
}

function isWithin(value: number, { equals, min, max }: Expectation): boolean {
  if (equals !== undefined) return value === equals
  return value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY)
}

/** An expectation in words: `tank.level at least 1.2 within 30s`. */
export function describeExpectation(expectation: Expectation): string {
  const { signal, shown, node, quality, watchdog, plc, equals, min, max, within, throughout } = expectation
  const cell = cellOf(expectation)
  const subject =
    signal ?? node ?? (shown ? `the sensor of ${shown}` : cell ? `${cell.table} ${cell.address}` : 'watchdog')
  return [
    plc === undefined ? subject : `${plc}: ${subject}`,
    ...(watchdog === undefined ? [] : [watchdog]),
    ...(quality === undefined ? [] : [quality]),
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
