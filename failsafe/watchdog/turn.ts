import type { Millis } from '../../model/time.ts'
import { Trouble } from './registers.ts'
import type { Look } from './watchdog.ts'

/** What is known of a device's watchdog before a turn. */
export interface Known {
  /** It was set as declared and has been fed since, without a gap. */
  readonly isArmed: boolean
  /** How long ago the last feed was that the device confirmed; undefined when none counts. */
  readonly sinceFed: Millis | undefined
  readonly time: Millis
}

/** What to do about it. `wait`: nothing can be done while the device does not answer. */
export type Turn = 'feed' | 'arm' | 'expired' | 'wait'

/** What a look at a watchdog and the time since its last feed mean for this turn. */
export function turnOf(look: Look | Trouble, { isArmed, sinceFed, time }: Known): Turn {
  const isOverdue = sinceFed !== undefined && sinceFed > time
  // One look that failed is no reason to miss a feed.
  if (look instanceof Trouble) return isArmed && !isOverdue ? 'feed' : 'wait'
  switch (look) {
    case 'expired':
      return 'expired'
    case 'off':
      return 'arm'
    case 'running':
    case 'ready':
      return isArmed ? 'feed' : 'arm'
    case 'untold':
      if (isOverdue) return 'expired'
      return isArmed ? 'feed' : 'arm'
  }
}
