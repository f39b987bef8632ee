import type { GuardState } from '../../failsafe/watchdog/guard.ts'
import { Refusal } from '../../model/refusal.ts'

/** Why nothing on this device is moved away from safe now: it would not make the plant safe by itself should this agent die. */
export function unguarded(device: string, state: GuardState): Refusal | undefined {
  switch (state.kind) {
    case 'armed':
      return undefined
    case 'uncommissioned':
      return new Refusal(
        'device-uncommissioned',
        `nobody knows yet whether ${device} makes the plant safe without this agent: ${state.detail}`,
        'check the device and the way to it; the agent asks it again by itself',
      )
    case 'disagrees':
      return new Refusal(
        'device-uncommissioned',
        `${device} does not fall back to the safe state: ${state.detail}`,
        "correct the device's fallback or the configuration; the agent asks the device again by itself",
      )
    case 'unguarded':
    case 'starved':
      return new Refusal(
        'device-unguarded',
        `${device} would not make the plant safe without this agent: ${state.detail}`,
        'the agent arms it again by itself once it can; see `holdfast status`',
      )
  }
}
