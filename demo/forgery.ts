import { randomBytes } from 'node:crypto'
import { systemClock } from '../agent/time/system-clock.ts'
import type { Credential } from '../model/credential.ts'
import type { Millis } from '../model/time.ts'
import { isSafe, type PlcWatch } from './plc-watch.ts'
import type { Stage } from './stage.ts'

export const FORGERIES = 5
const WITHIN: Millis = 10_000

export interface Forged {
  /** How many were refused as forged. */
  readonly refused: number
  /** From sending the last one to both safe values in the PLC's registers, and to the plant's own feedback of them. */
  readonly safeMs: Millis
  readonly feedbackMs: Millis
}

/** Sends forgeries: a credential that an attacker may have seen, with a secret that they had to guess. */
export async function forge(stage: Stage, seen: Credential, plc: PlcWatch): Promise<Forged> {
  const forger = stage.client(
    { keyid: seen.keyid, secret: randomBytes(32).toString('base64url') },
    systemClock,
  )
  let refused = 0
  const attempt = async (): Promise<void> => {
    const answer = await forger.command('inlet-valve', 'open')
    if (answer.kind === 'problem' && answer.problem.code === 'signature-invalid') refused += 1
  }
  for (let count = 1; count < FORGERIES; count += 1) await attempt()
  const now = systemClock.monotonic
  const sent = now()
  const last = attempt()
  const written = await plc.until(
    registers => registers.valveCommand === 0 && registers.pumpCommand === 1,
    now,
    WITHIN,
  )
  const arrived = await plc.until(isSafe, now, WITHIN)
  await last
  return { refused, safeMs: (written ?? Number.NaN) - sent, feedbackMs: (arrived ?? Number.NaN) - sent }
}
