import { existsSync, readFileSync } from 'node:fs'
import type { CounterReading } from './audit/counter/counter.ts'
import { questionCounter } from './audit/counter/question.ts'
import { parseVkey } from './audit/note.ts'
import { isForeignTo, signedSize } from './audit/vouching.ts'
import type { Config } from './config/config.ts'
import type { Finding } from './credential/tpm/findings.ts'
import { counterOf } from './open-counter.ts'
import { auditPath, vkeyPath } from './paths.ts'

/** Two things look alike to the counter; a checkpoint that was kept elsewhere tells them apart. */
const ROLLED_BACK_OR_MOVED =
  'Which of the two it was says holdfast audit verify --checkpoint FILE, with the newest checkpoint that the journal or the syslog receiver has: TAMPERED, records are missing; intact, none is, and something else moved the counter (who is in the group tss?). If it was a restore on purpose, or only the counter: holdfast audit restored.'

export interface CounterStatus {
  /** The counter's NV index in the TPM. */
  readonly index: string
  readonly reading: CounterReading
  readonly finding: Finding
  /** False where the public key is not this log's: then there is nothing to compare the counter with. */
  readonly isCompared: boolean
}

/**
 * Whether the audit log has every count that the TPM's counter has made, in words for a person. Undefined where there is no log yet, or
 * none that is bound to a TPM. Changes nothing and never rejects.
 */
export async function counterStatus(config: Config): Promise<CounterStatus | undefined> {
  const counter = counterOf(config)
  const path = auditPath(config)
  if (counter === undefined || !existsSync(path)) return undefined
  const { index } = counter
  const reading = await counter.read()
  return { index, reading, ...findingOf(path, vkeyPath(config), index, reading) }
}

function findingOf(
  path: string,
  vkeys: string,
  index: string,
  reading: CounterReading,
): Pick<CounterStatus, 'finding' | 'isCompared'> {
  if (reading.kind === 'unavailable')
    return compared({
      level: 'notice',
      text: `the TPM's counter of the audit log (${index}) cannot be read: ${reading.detail}`,
      remedy: reading.remedy,
    })
  try {
    const keys = readFileSync(vkeys, 'utf8')
      .split('\n')
      .flatMap(line => parseVkey(line) ?? [])
    let isForeign = false
    const verdict = questionCounter(path, reading, database => {
      isForeign = isForeignTo(database, keys)
      return signedSize(database, keys)
    })
    // A count that none of these keys signed is none: without the right key every log looks rolled back.
    if (isForeign)
      return {
        finding: {
          level: 'notice',
          text: `the audit log cannot be compared with the TPM's counter: no key in ${vkeys} has signed any of its checkpoints`,
          remedy: 'Put the right audit.vkey back first, then run this again.',
        },
        isCompared: false,
      }
    switch (verdict.kind) {
      case 'bound':
        return compared({
          level: 'good',
          text: `the audit log is bound to the TPM's counter ${index}: it has every count up to ${verdict.counter}`,
        })
      case 'rolled-back':
        return compared({
          level: 'trouble',
          text: `the audit log looks rolled back: ${verdict.detail}`,
          remedy: `Keep a copy of the state directory and call security. ${ROLLED_BACK_OR_MOVED}`,
        })
      case 'unknown':
        return compared({
          level: 'notice',
          text: verdict.detail,
          remedy:
            'A running agent binds the log anew within the hour. If nobody changed the TPM, find out why.',
        })
    }
  } catch (error) {
    return compared({
      level: 'notice',
      text: `the audit log cannot be compared with the TPM's counter: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'Run this as root; holdfast audit verify says more.',
    })
  }
}

function compared(finding: Finding): Pick<CounterStatus, 'finding' | 'isCompared'> {
  return { finding, isCompared: true }
}
