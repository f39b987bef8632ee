import type { UnixMs } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import { EARLIEST, STEP } from '../time/kept-clock.ts'
import { error, type Finding, notChecked, ok, warning } from './finding.ts'

/** What is known of the time on this host. */
export interface ClockFacts {
  readonly wall: UnixMs
  /** The latest time that this gateway has known; undefined where it has known none, `unread` where that cannot be read. */
  readonly floor: UnixMs | undefined | 'unread'
  /** Whether the operating system says that its clock is synchronised; undefined where it does not say. */
  readonly synchronised: boolean | undefined
}

export function checkClock({ wall, floor, synchronised }: ClockFacts): Finding[] {
  return [ofYear(wall), ofFloor(wall, floor), ofSynchronisation(synchronised)].filter(
    (finding): finding is Finding => finding !== undefined,
  )
}

function ofYear(wall: UnixMs): Finding {
  const now = new Date(wall).toISOString()
  return wall >= EARLIEST
    ? ok(`it is ${now}`)
    : error(
        `the clock says ${now}: it was never set`,
        'timedatectl set-time, or give this host an NTP server',
      )
}

function ofFloor(wall: UnixMs, floor: ClockFacts['floor']): Finding | undefined {
  if (floor === 'unread') return notChecked('whether this gateway has known a later time: run this as root')
  if (floor === undefined || wall >= floor - STEP) return undefined
  return error(
    `it has been ${new Date(floor).toISOString()} here already, ${formatDuration(floor - wall)} later: the agent takes commands towards safe only`,
    'set the clock; when it is right as it is: holdfast clock accept',
  )
}

function ofSynchronisation(synchronised: boolean | undefined): Finding {
  if (synchronised === undefined)
    return warning(
      'this host does not say whether its clock is synchronised: credentials live by it',
      'timedatectl; install systemd-timesyncd or chrony',
    )
  return synchronised
    ? ok('the system clock is synchronised')
    : warning(
        'nothing synchronises the system clock: credentials live by it',
        'timedatectl set-ntp true, and name an NTP server',
      )
}
