import type { AuditKind } from '../model/audit.ts'
import type { Clock, MonotonicMs } from '../model/time.ts'
import type { AuditLog } from './audit/log.ts'
import type { Actuator } from './command/actuator.ts'
import { HORIZON, type Move, valueIn } from './command/pace.ts'
import { Pacing } from './command/pacing.ts'

type Paced = Pick<Actuator, 'id' | 'safe' | 'pace'>

interface Row {
  readonly time: string
  readonly actuator?: string
  readonly asked?: string | number
  readonly towards_safe?: boolean
  readonly command?: string
  readonly outcome?: string
  readonly lost?: boolean
}

/** Rows of one kind that are looked at: an hour's commands on every actuator together are fewer, or the rest is taken for unknown. */
const ROWS_MAX = 10_000

/**
 * Takes up how the actuators were moved in the last hour, from the audit log: its intents without those that were never
 * written, and the trips. Where the log does not go back so far because it was lost, nothing is taken for granted.
 */
export async function openPacing(
  audit: Pick<AuditLog, 'records'>,
  actuators: ReadonlyMap<string, Paced>,
  clock: Clock,
): Promise<Pacing> {
  const [wall, monotonic] = [clock.wall(), clock.monotonic()]
  const everything = Number.NEGATIVE_INFINITY
  const limited = [...actuators.values()].some(({ pace }) =>
    Object.values(pace).some(limit => limit !== undefined),
  )
  if (!limited) return new Pacing(clock, { moves: new Map(), knownSince: everything })

  let knownSince: MonotonicMs = everything
  // A record of a time to come was made before the clock was set back: it counts as if it were of now.
  const at = ({ time }: Row): MonotonicMs => monotonic - Math.max(0, wall - Date.parse(time))
  const rowsOf = async (kind: AuditKind): Promise<readonly Row[]> => {
    const found = await audit.records(kind, wall - HORIZON, ROWS_MAX)
    if (found.kind === 'unreadable') {
      knownSince = monotonic
      return []
    }
    const rows = found.texts.map(text => JSON.parse(text) as Row).reverse()
    if (rows.length === ROWS_MAX && rows[0]) knownSince = Math.max(knownSince, at(rows[0]))
    return rows
  }

  const outcomes = new Map((await rowsOf('command-outcome')).map(row => [row.command, row.outcome]))
  const moves: { readonly id: string; readonly move: Move }[] = []
  for (const row of await rowsOf('command-intent')) {
    const outcome = outcomes.get(row.command)
    if (row.actuator === undefined || row.asked === undefined || outcome === 'refused') continue
    const value = valueIn(row.asked)
    const isSure = outcome === 'verified' || outcome === 'mismatch'
    const isSafe = row.towards_safe === true
    moves.push({ id: row.actuator, move: { at: at(row), value, isSafe, isWritten: true, isSure } })
  }
  for (const row of await rowsOf('trip-safe')) {
    const actuator = actuators.get(row.actuator ?? '')
    if (!actuator?.safe) continue
    const value = valueIn(actuator.safe.setpoint)
    moves.push({ id: actuator.id, move: { at: at(row), value, isSafe: true, isWritten: true, isSure: true } })
  }
  for (const row of await rowsOf('log-created')) if (row.lost) knownSince = Math.max(knownSince, at(row))
  moves.sort((a, b) => a.move.at - b.move.at)
  const grouped = Map.groupBy(moves, ({ id }) => id)
  return new Pacing(clock, {
    moves: new Map([...grouped].map(([id, of]) => [id, of.map(({ move }) => move)])),
    knownSince,
  })
}
