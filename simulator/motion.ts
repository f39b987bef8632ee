import type { Plant } from './plant.ts'

/** What an actuator does, in a word or two. */
export interface Motion {
  readonly element: string
  readonly kind: 'valve' | 'pump'
  readonly state: string
  /** Position or speed, 0 … 1. */
  readonly value: number
}

const WORDS = {
  valve: { signal: 'position', zero: 'closed', up: 'opening', one: 'open', down: 'closing' },
  pump: { signal: 'speed', zero: 'off', up: 'starting', one: 'running', down: 'stopping' },
} as const

/** What a valve or pump does that was at `before` and is at `value` one scan later. */
export function describeMotion(kind: 'valve' | 'pump', before: number, value: number): string {
  const words = WORDS[kind]
  if (value === 0) return words.zero
  if (value === 1) return words.one
  if (value === before) return `stopped at ${Math.round(value * 100)} %`
  return value > before ? words.up : words.down
}

/** Watches a plant's valves and pumps: calls back with the state of each now, and then at each change of state. */
export function watchMotion(plant: Plant, listener: (motion: Motion) => void): void {
  const seen = new Map<string, Motion>()
  const look = () => {
    for (const [element, { kind }] of Object.entries(plant.spec.elements)) {
      if (kind !== 'valve' && kind !== 'pump') continue
      const value = plant.truth(`${element}.${WORDS[kind].signal}`)
      const before = seen.get(element)
      const motion = { element, kind, state: describeMotion(kind, before?.value ?? value, value), value }
      seen.set(element, motion)
      if (motion.state !== before?.state) listener(motion)
    }
  }
  look()
  plant.onScan(look)
}
