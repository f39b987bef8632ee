import { z } from 'zod'
import { KeptFile } from '../keep/kept-file.ts'
import type { Millis } from '../model/time.ts'
import { TRIP_CAUSES, type TripRecord } from '../model/trip.ts'
import { type KeptEvidence, NO_EVIDENCE } from './authentication-failures.ts'

/** One latched trip as it is kept on disk. */
export interface Latch {
  readonly record: TripRecord
  /** False while the safe state has not been seen. */
  readonly safe: boolean
  /** False while nothing but an interlock has acted. */
  readonly latched: boolean
}

/** What the fail-safe keeps over a restart. Times are of the wall clock. */
export interface Kept {
  readonly latches: Readonly<Record<string, Latch>>
  /** Identities whose commands away from safe are refused: why, and over which actuator. */
  readonly suspended: Readonly<Record<string, { readonly reason: string; readonly actuator: string }>>
  /** Listeners that were closed because attacks over them had used up the day's trips, and why. */
  readonly closed: Readonly<Record<string, string>>
  readonly evidence: KeptEvidence
  /** How much of its time each actuator has still to be held in its safe state. */
  readonly holds: Readonly<Record<string, Millis>>
}

/** Of a gateway that has seen nothing yet. */
export const NOTHING_KEPT: Kept = { latches: {}, suspended: {}, closed: {}, evidence: NO_EVIDENCE, holds: {} }

export type LatchFile = KeptFile<Kept>

const time = z.number()
const Record_ = z.strictObject({
  cause: z.enum(TRIP_CAUSES),
  detail: z.string(),
  at: time,
  evidence: z
    .strictObject({
      identity: z.string(),
      count: z.int(),
      sources: z.array(z.string()),
      first: time,
      last: time,
    })
    .exactOptional(),
  acknowledged: z.strictObject({ by: z.string(), at: time }).exactOptional(),
})
const Bucket = z.strictObject({
  actuator: z.string(),
  identity: z.string(),
  level: z.int().min(0),
  leakedAt: time,
  count: z.int(),
  first: time,
  last: time,
  sources: z.array(z.string()),
})
/** What an older agent did not write is as if nothing had been. */
const Form: z.ZodType<Kept> = z
  .strictObject({
    latches: z.record(
      z.string(),
      z.strictObject({ record: Record_, safe: z.boolean(), latched: z.boolean().default(true) }),
    ),
    suspended: z.record(z.string(), z.strictObject({ reason: z.string(), actuator: z.string() })),
    closed: z.record(z.string(), z.string()).default({}),
    evidence: z
      .strictObject({ buckets: z.array(Bucket), trips: z.record(z.string(), z.array(time)) })
      .default({ buckets: [], trips: {} }),
    // Of an older agent: since when, by the wall clock. Such a hold begins anew.
    held: z.record(z.string(), time).default({}),
    holds: z.record(z.string(), z.number().min(0)).default({}),
  })
  .transform(({ held, holds, ...kept }) => ({
    ...kept,
    holds: { ...Object.fromEntries(Object.keys(held).map(id => [id, Number.MAX_SAFE_INTEGER])), ...holds },
  }))

/** The latch file. When it is there and cannot be understood, nobody knows what is latched: loading it throws. */
export function latchFile(path: string): LatchFile {
  return new KeptFile(path, json => Form.safeParse(json).data)
}
