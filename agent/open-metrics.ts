import type { AuthenticationFailures } from '../failsafe/authentication-failures.ts'
import { stateOf } from './alarms/standing.ts'
import { type Condition, troubles } from './api/status.ts'
import type { Devices } from './devices.ts'
import { Metrics } from './metrics/metrics.ts'
import type { AlarmOutlets } from './open-alarms.ts'
import type { LogCounter } from './open-counter.ts'

/** The agent's metrics, read from what its status is drawn from. */
export function openMetrics(
  condition: Condition,
  devices: Pick<Devices, 'connections'>,
  failures: Pick<AuthenticationFailures, 'level'>,
  outlets: AlarmOutlets,
  counter: Pick<LogCounter, 'state'>,
): Metrics {
  const { clock, keys, audit, trips, permits, actuators } = condition
  const metrics = new Metrics({
    environment: condition.environment,
    gateway: condition.gateway,
    upFor: () => clock.monotonic() - condition.started,
    troubles: () => troubles(condition),
    audit: () => audit.state(),
    counter: () => counter.state,
    masterKey: () => {
      const since = keys.generations.at(-1)?.since
      const age = since === undefined ? undefined : clock.wall() - since
      return { isAvailable: keys.trouble === undefined, generation: keys.generation, age }
    },
    clock: () => ({
      isTrusted: permits.clockTrouble() === undefined,
      disagreement: clock.state.kind === 'holdover' ? clock.state.disagreement : 0,
      isSynchronised: condition.clockKeeper.synchronised,
    }),
    actuators: () =>
      [...actuators.keys()].map(id => ({ id, phase: trips.phase(id), evidence: failures.level(id) })),
    devices: () => devices.connections,
    watchdogs: () =>
      [...condition.deviceGuards.states].map(([device, { kind }]) => ({ device, isArmed: kind === 'armed' })),
    alarms: () => condition.alarms.list.map(alarm => ({ ...alarm, state: stateOf(alarm) })),
    suspended: () => Object.keys(condition.suspended()).length,
    closedListeners: () => Object.keys(condition.closed()).length,
  })
  audit.onCommit(took => metrics.committed(took))
  outlets.alsoTell(({ news, alarm }) => {
    if (news === 'raised') metrics.raised(alarm.name, alarm.severity)
  })
  return metrics
}
