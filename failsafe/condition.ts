import { isThere } from './feedback.ts'
import type { Reading } from './monitor.ts'

/** What must hold, over a reading or over where another actuator is. */
export type Condition =
  | {
      readonly kind: 'above' | 'below'
      readonly reading: string
      readonly limit: number
      readonly unit: string
    }
  | {
      readonly kind: 'is'
      readonly actuator: string
      /** The position that is asked for, and the feedback that shows it. */
      readonly setpoint: string | number
      readonly feedback: number
      readonly tolerance: number
    }

/** Whether a condition holds, with what was seen in words. Nothing is assumed of what cannot be read. */
export type Verdict =
  | { readonly kind: 'holds' }
  | { readonly kind: 'violated'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string }

/** The name under which a monitor knows an actuator's feedback. */
export function feedbackOf(actuator: string): string {
  return `${actuator}.feedback`
}

/** The point that a condition looks at, as a monitor knows it. */
export function inputOf(condition: Condition): string {
  return condition.kind === 'is' ? feedbackOf(condition.actuator) : condition.reading
}

/** Judges a condition by what is known of its input now. */
export function judge(condition: Condition, reading: Reading): Verdict {
  const what = condition.kind === 'is' ? condition.actuator : condition.reading
  if (reading.quality === 'bad')
    return { kind: 'unknown', detail: `${what} is of bad quality: ${reading.detail}` }
  const { value } = reading
  if (holds(condition, value)) return { kind: 'holds' }
  return {
    kind: 'violated',
    detail: `${describeCondition(condition)}, and ${describeValue(condition, value)}`,
  }
}

/** A condition in words: `tank-level must be below 2650 mm`. */
export function describeCondition(condition: Condition): string {
  return condition.kind === 'is'
    ? `${condition.actuator} must be ${condition.setpoint}`
    : `${condition.reading} must be ${condition.kind} ${condition.limit}${condition.unit === '' ? '' : ` ${condition.unit}`}`
}

function holds(condition: Condition, value: number): boolean {
  switch (condition.kind) {
    case 'above':
      return value > condition.limit
    case 'below':
      return value < condition.limit
    case 'is':
      return isThere(value, condition.feedback, condition.tolerance)
  }
}

function describeValue(condition: Condition, value: number): string {
  if (condition.kind === 'is') return `its feedback shows ${value}`
  return `it is ${value}${condition.unit === '' ? '' : ` ${condition.unit}`}`
}
