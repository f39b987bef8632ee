/**
 * The simulator for other people's tests: `import { startPlant, VirtualClock } from '@holdfast/simulator'`. It is packed by
 * `deploy/npm`, for Node 20 and later.
 */
export type { Clock } from '../model/time.ts'
export type { CoolingLoopHandle, PumpHandle, TankHandle, ValveHandle } from './handle.ts'
export {
  type Address,
  type Fault,
  type FaultKind,
  type ImageView,
  type NodeReply,
  type NodeValue,
  type Objection,
  type OpcUaEndpoint,
  type Plant,
  type PlantFile,
  PlantFileError,
  type PlantOptions,
  type PlantSource,
  type PlcHandle,
  type Reply,
  startPlant,
  type WriteEvent,
} from './plant.ts'
export { realClock } from './real-clock.ts'
export { ScaledClock } from './scaled-clock.ts'
export { VirtualClock } from './virtual-clock.ts'
