import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { Clock, UnixMs } from '../model/time.ts'
import type { MonotonicCounter } from './audit/counter/counter.ts'
import { CounterKeeper, type CounterState } from './audit/counter/keeper.ts'
import type { AuditLog } from './audit/log.ts'
import type { Config } from './config/config.ts'
import { REPLAY_WINDOW } from './credential/replay.ts'
import { KeyFiles } from './credential/tpm/key-files.ts'
import { NvCounter } from './credential/tpm/nv-counter.ts'
import { logName } from './paths.ts'

/** The TPM's counter that a configuration's log is bound to; undefined where the key is not in a TPM, or it is switched off. */
export function counterOf(config: Config): MonotonicCounter | undefined {
  const { masterKey, audit, stateDir } = config
  if (masterKey.source !== 'tpm' || !audit.tpmCounter) return undefined
  const { tcti, timeout } = masterKey
  // A turn is three commands, and may have to wait for the master key's.
  return new NvCounter({
    tcti,
    name: logName(config),
    lock: new KeyFiles(stateDir).directory,
    timeout: timeout * 4,
  })
}

/** Keeps the log bound to the TPM's counter. */
export interface LogCounter extends AsyncDisposable {
  start(): void
  /** Until when commands that were seen before cannot be told from new ones, as the log that knew them was rolled back. */
  readonly replayLostUntil: UnixMs
  /** What is known of it; undefined where the log is bound to none. */
  readonly state: CounterState | undefined
}

/** Wires the log to its counter. `isNew`: the log was begun in this start, and that was said. */
export function openCounter(
  config: Config,
  audit: AuditLog,
  isNew: boolean,
  clock: Clock,
  alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm },
): LogCounter {
  let replayLostUntil: UnixMs = 0
  const counter = counterOf(config)
  const keeper =
    counter &&
    new CounterKeeper(audit, counter, isNew, clock, {
      rolledBack: detail => {
        replayLostUntil = clock.wall() + REPLAY_WINDOW
        alarms.raise('audit-log-rolled-back', detail)
      },
      meant: () => alarms.clear('audit-log-rolled-back'),
      moved: detail => alarms.raise('audit-counter-moved', detail),
      lost: detail => alarms.raise('audit-counter-lost', detail),
      unavailable: (detail, remedy) =>
        alarms.raise(
          'audit-counter-unavailable',
          `the audit log is not bound to the TPM's counter: ${detail}. ${remedy}`,
        ),
      available: () => alarms.clear('audit-counter-unavailable'),
    })
  return {
    start: () => keeper?.start(),
    get replayLostUntil() {
      return replayLostUntil
    },
    get state() {
      return keeper?.state
    },
    [Symbol.asyncDispose]: async () => await keeper?.[Symbol.asyncDispose](),
  }
}
