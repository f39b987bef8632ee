import type { Answer } from '../../../client/agent-client.ts'
import type { RefusalCode } from '../../../model/refusal.ts'

/** Whether the valve's trip must be latched after the power comes back; `unknown` where nobody was told. */
export type Latch = 'tripped' | 'normal' | 'unknown'

/** A reset that is refused with one of these has changed nothing, and says so: the trip stays. */
const TRIP_STAYS: ReadonlySet<string> = new Set<RefusalCode>([
  'audit-unwritable',
  'cause-persists',
  'not-acknowledged',
  'replay-memory-lost',
  'tripped',
])

/**
 * What somebody knows of the latch who knew `before`, and was then answered. A trip or reset of which the agent says that the disk has not
 * taken it in time is neither promised to survive nor to be lost. A trip that ends in `trip-failed` acts, and is latched like any other;
 * nothing is promised by a trip that ends in another problem.
 */
export function latchAfter(before: Latch, deed: 'trip' | 'reset', answer: Answer): Latch {
  switch (answer.kind) {
    case 'unreachable':
      return 'unknown'
    case 'answered':
      if ((answer.body as { unkept?: string }).unkept !== undefined) return 'unknown'
      return deed === 'trip' ? 'tripped' : 'normal'
    case 'problem':
      if (deed === 'trip' && answer.problem.code === 'trip-failed')
        return answer.problem.unkept === undefined ? 'tripped' : 'unknown'
      return deed === 'reset' && TRIP_STAYS.has(answer.problem.code) ? before : 'unknown'
  }
}
