import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { CounterOf } from './audit/verify-main.ts'
import { KeyFiles } from './credential/tpm/key-files.ts'
import { NvCounter } from './credential/tpm/nv-counter.ts'

const TIMEOUT = 20_000

/** The TPM's counters for `holdfast audit verify --tpm`, which needs no configuration and changes nothing. */
export function countersOf(tcti: string, log: string): CounterOf {
  // Beside a running agent the two take turns at the TPM; for a copy of a log there is nobody to take turns with, and a lock in a
  // place that everybody can open would let anybody keep this from verifying.
  const { directory } = new KeyFiles(dirname(log))
  const lock = existsSync(directory) ? directory : undefined
  return name => new NvCounter({ tcti, name, lock, timeout: TIMEOUT })
}
