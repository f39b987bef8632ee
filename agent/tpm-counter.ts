import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import type { CounterOf } from './audit/verify-main.ts'
import { KeyFiles } from './credential/tpm/key-files.ts'
import { NvCounter } from './credential/tpm/nv-counter.ts'

const TIMEOUT = 20_000

/** The TPM's counters for `holdfast audit verify --tpm`, which needs no configuration and changes nothing. */
export function countersOf(tcti: string, log: string): CounterOf {
  // Beside a running agent the two take turns at the TPM; for a copy of a log there is nobody to take turns with.
  const { directory } = new KeyFiles(dirname(log))
  const lock = existsSync(directory) ? directory : tmpdir()
  return name => new NvCounter({ tcti, name, lock, timeout: TIMEOUT })
}
