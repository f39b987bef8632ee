import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import type { Finding } from './measures.ts'

/** A lost connection that is back within this time is not worth an alarm. */
const LOST_AFTER: Millis = 5000

/** A device, and whether there is a connection to it at this moment. */
export interface Connected {
  readonly id: string
  readonly isConnected: boolean
}

/** Knows since when devices have had no connection, and finds those where that is too long. Asked once a second. */
export class LostConnections {
  readonly #clock: Clock
  readonly #since = new Map<string, MonotonicMs>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  find(devices: readonly Connected[]): readonly Finding[] {
    const now = this.#clock.monotonic()
    return devices.flatMap(({ id, isConnected }): Finding[] => {
      if (isConnected) {
        this.#since.delete(id)
        return []
      }
      const since = this.#since.get(id) ?? now
      this.#since.set(id, since)
      if (now - since < LOST_AFTER) return []
      const detail = `there has been no connection to ${id} for ${LOST_AFTER / 1000} s`
      return [{ severity: 'warning', detail, about: { device: id } }]
    })
  }
}
