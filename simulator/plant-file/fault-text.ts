import type { Fault } from '../fault.ts'
import { faultForm } from './fault-form.ts'
import { describeProblem } from './problem.ts'
import { describeIssue, shapeProblems } from './shape.ts'

export type ReadFault =
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** What is wrong with it, one thing a line. */
  | { readonly kind: 'problem'; readonly message: string }

/** Reads a fault from a document, such as the body of a request. Whether the plant has its target is another matter. */
export function readFault(document: unknown): ReadFault {
  const read = faultForm.safeParse(document, { error: describeIssue, reportInput: true })
  if (read.success) return { kind: 'fault', fault: read.data }
  return { kind: 'problem', message: shapeProblems(read.error.issues).map(describeProblem).join('\n') }
}

/** Reads a fault from one line, as the command line has it: `slow,element=inlet-valve,factor=10`. */
export function readFaultText(text: string): ReadFault {
  const [kind, ...settings] = text.split(',')
  const document: Record<string, unknown> = { kind }
  for (const setting of settings) {
    const [, key = '', value = ''] = /^([a-z_]+)=(.+)$/.exec(setting) ?? []
    if (key === '') {
      const message = `expected key=value, such as element=inlet-valve, not ${JSON.stringify(setting)}`
      return { kind: 'problem', message }
    }
    document[key] = /^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$/.test(value) ? Number(value) : value
  }
  return readFault(document)
}

/** A fault as one line, which `readFaultText` reads. */
export function formatFaultText({ kind, ...settings }: Fault): string {
  return [kind, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)].join(',')
}
