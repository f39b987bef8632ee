import { z } from 'zod'
import { type Fault, faultKey } from '../fault.ts'
import { type FaultTargets, missingKey } from '../faults.ts'
import { asList, asMapping } from './document.ts'
import { faultForm, faultsForm } from './fault-form.ts'
import type { Problem } from './problem.ts'
import { describeIssue, shapeProblems } from './shape.ts'
import { YamlText } from './text.ts'

/** A fault file: a plant file's `faults`, in a file of their own. An empty one lists none. */
const faultFileForm = z.strictObject({ faults: faultsForm }).nullable()

export type ReadFaultList =
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }
  /** What is wrong with it, one thing a line: `file:line:column: …`. */
  | { readonly kind: 'problem'; readonly lines: readonly string[] }

/** Reads a fault file's text, for a plant that has these targets; `file` is what its errors call it. */
export function readFaultList(text: string, file: string, targets: FaultTargets): ReadFaultList {
  const read = YamlText.read(text, file)
  if (read.kind === 'broken') return { kind: 'problem', lines: read.lines }
  const document = read.text.value
  const shaped = faultFileForm.safeParse(document, { error: describeIssue, reportInput: true })
  const problems = [
    ...(shaped.success ? [] : shapeProblems(shaped.error.issues)),
    ...faultProblems(document, targets),
  ]
  if (shaped.success && problems.length === 0) return { kind: 'faults', faults: shaped.data?.faults ?? [] }
  return { kind: 'problem', lines: read.text.describe(problems) }
}

/**
 * Checks that the faults of a raw document aim at what is there, and none twice at the same. Nothing is said of a
 * target that is reported elsewhere.
 */
export function faultProblems(
  document: unknown,
  targets: FaultTargets,
  isOdd: (target: string) => boolean = () => false,
): Problem[] {
  const listed = new Set<string>()
  return asList(asMapping(document)?.faults).flatMap((value, i): Problem[] => {
    const fault = faultForm.safeParse(value)
    if (!fault.success) return []
    const missing = missingKey(fault.data, targets)
    if (missing !== undefined && !isOdd(String(asMapping(value)?.[missing.key]))) {
      return [{ path: ['faults', i, missing.key], message: missing.message }]
    }
    const key = faultKey(fault.data)
    if (listed.has(key)) return [{ path: ['faults', i], message: 'this fault is listed twice' }]
    listed.add(key)
    return []
  })
}
