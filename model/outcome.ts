import type { Refusal } from './refusal.ts'
import type { Setpoint } from './setpoint.ts'

/**
 * How a command ended. There are four ways and no fifth: nothing that failed is ever reported as done.
 * - `verified`: the device accepted the write and position feedback reached the setpoint in time.
 * - `mismatch`: the device accepted the write and the feedback says otherwise.
 * - `unknown`: the write may or may not have reached the device. It was not repeated; `found` is what was read back.
 * - `refused`: nothing was written, or the device itself rejected the write.
 */
export type Outcome =
  | { readonly kind: 'verified'; readonly asked: Setpoint; readonly found: Setpoint }
  | { readonly kind: 'mismatch'; readonly asked: Setpoint; readonly found: Found; readonly detail: string }
  | { readonly kind: 'unknown'; readonly asked: Setpoint; readonly found: Found; readonly detail: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What was read back: a setpoint, a raw feedback value between two positions, or null when nothing could be read. */
export type Found = Setpoint | { readonly between: number } | null

/** Says what was found, in words. */
export function describeFound(found: Found): string {
  if (found === null) return 'no feedback'
  if (typeof found === 'object') return `between positions (feedback ${found.between})`
  return String(found)
}
