import type { Plant } from '../plant.ts'
import type { TimeControl } from './time.ts'

/** All that the control port tells of a plant, as JSON. */
export function stateOf(plant: Plant, time: TimeControl) {
  return {
    plant: plant.spec.plant,
    time: time.state,
    lost_ms: Math.round(plant.lost),
    plcs: plant.plcs.map(({ name, address, unit, watchdog }) => ({ name, ...address, unit, watchdog })),
    elements: plant.spec.elements,
    /** What is true, and what the sensor shows. */
    signals: Object.fromEntries(
      [...plant.truths].map(([signal, is]) => [signal, { is, shown: plant.readings.get(signal) ?? is }]),
    ),
    commands: Object.fromEntries(plant.commands),
    disturbances: Object.fromEntries(plant.disturbances),
    faults: plant.faults.active,
  }
}
