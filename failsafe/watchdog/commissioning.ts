import type { GuardedOutput } from './guarded-device.ts'
import { type Registers, Trouble } from './registers.ts'

/** What comparing a device's fallback with the declared safe states gave. */
export type Commissioning =
  | { readonly kind: 'agrees' }
  /** What a device would do to these actuators is not what is declared safe. */
  | { readonly kind: 'disagrees'; readonly details: readonly string[] }
  | { readonly kind: 'unread'; readonly detail: string }

/** Asks a device what each output falls back to, and compares that with the safe state. Writes nothing. */
export async function compareFallbacks(
  device: string,
  outputs: readonly GuardedOutput[],
  registers: Registers,
): Promise<Commissioning> {
  const shown = await Promise.all(
    outputs.map(async ({ fallbackPoint, safe }) =>
      fallbackPoint === undefined ? safe?.write : await registers.read(fallbackPoint),
    ),
  )
  const unread = shown.find(value => value instanceof Trouble)
  if (unread) return { kind: 'unread', detail: unread.detail }
  const details = outputs.flatMap(({ actuator, safe, tolerance }, index) => {
    if (!safe) return []
    const value = Number(shown[index])
    if (Math.abs(value - safe.write) <= tolerance) return []
    return [
      `${actuator}: without this agent ${device} sets it to ${value}, and its safe state ${safe.setpoint} is ${safe.write}: set the device's fallback to ${safe.write}, or, where the device is right, correct "safe" of ${actuator} in the configuration`,
    ]
  })
  return details.length === 0 ? { kind: 'agrees' } : { kind: 'disagrees', details }
}

/**
 * Before a device that has fallen back is armed anew: puts the safe value, which is what the output shows now, in the place of an
 * older command that still stands in the device. Otherwise that command would move the plant as soon as the fallback ends.
 */
export async function replaceStaleCommands(
  outputs: readonly GuardedOutput[],
  registers: Registers,
): Promise<Trouble | undefined> {
  for (const { commandPoint, safe, tolerance, staysCommanded } of outputs) {
    if (!staysCommanded || !safe) continue
    const held = await registers.read(commandPoint)
    if (held instanceof Trouble) return held
    if (Math.abs(held - safe.write) <= tolerance) continue
    const trouble = await registers.write(commandPoint, safe.write)
    if (trouble) return trouble
  }
  return undefined
}
