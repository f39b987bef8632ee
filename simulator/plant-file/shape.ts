import type { z } from 'zod'
import type { Problem } from './problem.ts'

/** Says in words what a schema expected. What the schema itself says of a rule takes precedence over this. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'is not a known key'
    case 'invalid_union':
      return Array.isArray(issue.options) ? `expected one of ${list(issue.options)}` : undefined
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${list(issue.values)}`
    case 'invalid_type': {
      const expected = `expected ${EXPECTED[issue.expected] ?? issue.expected}`
      return issue.input === undefined ? `is missing: ${expected}` : expected
    }
    case 'too_small':
      return `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
    case 'too_big':
      return `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`
    default:
      return undefined
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

/** Places a schema's complaints in the document. */
export function shapeProblems(issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const { path, message } = issue
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map(key => ({ path: [...path, key], message, isKey: true }))
      case 'invalid_key':
        return issue.issues.map(({ message }) => ({ path, message, isKey: true }))
      default:
        return [{ path, message }]
    }
  })
}

function list(values: readonly unknown[]): string {
  return values.map(String).join(', ')
}
