import { existsSync, readFileSync } from 'node:fs'
import type { CounterReading } from './audit/counter/counter.ts'
import { questionCounter } from './audit/counter/question.ts'
import { parseVkey } from './audit/note.ts'
import { signedSize } from './audit/vouching.ts'
import type { Config } from './config/config.ts'
import type { Finding } from './credential/tpm/findings.ts'
import { counterOf } from './open-counter.ts'
import { auditPath, vkeyPath } from './paths.ts'

export interface CounterStatus {
  /** The counter's NV index in the TPM. */
  readonly index: string
  readonly reading: CounterReading
  readonly finding: Finding
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
  return { index, reading, finding: findingOf(path, vkeyPath(config), index, reading) }
}

function findingOf(path: string, vkeys: string, index: string, reading: CounterReading): Finding {
  if (reading.kind === 'unavailable')
    return {
      level: 'notice',
      text: `the TPM's counter of the audit log (${index}) cannot be read: ${reading.detail}`,
      remedy: reading.remedy,
    }
  try {
    const keys = readFileSync(vkeys, 'utf8')
      .split('\n')
      .flatMap(line => parseVkey(line) ?? [])
    const verdict = questionCounter(path, reading, database => signedSize(database, keys))
    switch (verdict.kind) {
      case 'bound':
        return {
          level: 'good',
          text: `the audit log is bound to the TPM's counter ${index}: it has every count up to ${verdict.counter}`,
        }
      case 'rolled-back':
        return {
          level: 'trouble',
          text: `the audit log was rolled back: ${verdict.detail}`,
          remedy:
            'Keep a copy of the state directory and call security; if it was a restore on purpose: holdfast audit restored.',
        }
      case 'unknown':
        return {
          level: 'notice',
          text: verdict.detail,
          remedy:
            'A running agent binds the log anew within the hour. If nobody changed the TPM, find out why.',
        }
    }
  } catch (error) {
    return {
      level: 'notice',
      text: `the audit log cannot be compared with the TPM's counter: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'Run this as root; holdfast audit verify says more.',
    }
  }
}
