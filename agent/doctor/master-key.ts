import type { Millis, UnixMs } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import type { MasterKey, MasterKeyAnswer } from '../credential/master-key.ts'
import { error, type Finding, notChecked, ok, warning } from './finding.ts'

const PROBE = new TextEncoder().encode('holdfast doctor')

/** Has a key compute something, and forgets it. */
export async function checkMasterKey(
  key: Pick<MasterKey, 'hmac' | 'description'>,
  warnings: readonly string[],
  timeout: Millis,
): Promise<Finding[]> {
  const answer: MasterKeyAnswer = await key.hmac(PROBE, AbortSignal.timeout(timeout))
  const notes = warnings.map(text => warning(text, 'docs/KEY_SOURCES.md compares the places'))
  if (answer.kind === 'unavailable')
    return [error(`${key.description}: ${answer.detail}`, answer.remedy), ...notes]
  answer.mac.fill(0)
  return [ok(`${key.description} works`), ...notes]
}

/** How old the newest generation is. `since` is undefined where only the place that keeps it knows. */
export function checkRotation(since: UnixMs | undefined, due: Millis, now: UnixMs): Finding[] {
  if (since === undefined)
    return [notChecked('the age of the master key: it is not made here, and its place does not say')]
  const age = now - since
  if (age < 0)
    return [
      error(
        `the master key was made ${formatDuration(-age)} from now`,
        'is the clock of this host right? timedatectl',
      ),
    ]
  return age < due
    ? [ok(`the master key is ${formatDuration(age)} old; due after ${formatDuration(due)}`)]
    : [
        warning(
          `the master key is ${formatDuration(age)} old, and was due after ${formatDuration(due)}`,
          'holdfast key rotate; docs/runbooks/rotate.md',
        ),
      ]
}
