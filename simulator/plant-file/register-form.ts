import { z } from 'zod'
import { endsOf, isWhole, type RegisterType, WIDTHS } from '../register.ts'
import { asMapping } from './document.ts'
import type { Problem } from './problem.ts'
import { cellAddress, signal } from './quantity.ts'

/** How a plant file declares a register, or several that hold one number: in the words of the agent's own configuration. */

const TYPES = Object.keys(WIDTHS) as [RegisterType, ...RegisterType[]]
const order = z.enum(['big', 'little'])

const number = {
  address: cellAddress,
  type: z.enum(TYPES).default('uint16'),
  byte_order: order.default('big'),
  word_order: order.optional(),
  scale: z
    .number()
    .refine(scale => scale !== 0, 'expected a scale other than 0')
    .default(1),
  offset: z.number().default(0),
}

export const outputRegister = z
  .strictObject({
    ...number,
    signal: signal.optional(),
    initial: z.number().default(0),
    fallback: z.number().optional(),
    fallback_register: cellAddress.optional(),
  })
  .superRefine(complain)

export const inputRegister = z.strictObject({ ...number, signal }).superRefine(complain)

interface NumberForm {
  readonly address: number
  readonly type: RegisterType
  readonly word_order?: 'big' | 'little' | undefined
  readonly initial?: number
  readonly fallback?: number | undefined
  readonly fallback_register?: number | undefined
}

function complain(register: NumberForm, context: z.RefinementCtx): void {
  for (const { path, message } of problemsOf(register)) {
    context.addIssue({ code: 'custom', path: [...path], message })
  }
}

/** What one key of a register says against another. */
function problemsOf({ type, word_order, ...register }: NumberForm): Problem[] {
  const width = WIDTHS[type]
  const { least, most } = writableEndsOf(type)
  const problems: Problem[] = []
  if (width > 1 && word_order === undefined) {
    const message = `a ${type} is ${width} registers, and devices disagree on their order: expected word_order: big (the most significant register first) or little`
    problems.push({ path: [], message })
  }
  if (width === 1 && word_order !== undefined) {
    problems.push({ path: ['word_order'], message: 'this is one register: word_order says nothing about it' })
  }
  for (const key of ['address', 'fallback_register'] as const) {
    const address = register[key]
    if (address === undefined || address + width <= 0x1_0000) continue
    problems.push({ path: [key], message: `a ${type} at ${address} would go on beyond address 65535` })
  }
  for (const key of ['initial', 'fallback'] as const) {
    const value = register[key]
    if (
      value === undefined ||
      (value >= least && value <= most && (!isWhole(type) || Number.isInteger(value)))
    )
      continue
    const what = isWhole(type) ? 'a whole number' : 'a number'
    const message = `expected ${what} from ${least} to ${most}, which is what ${type} holds`
    problems.push({ path: [key], message })
  }
  return problems
}

/** A whole number that is larger could not be written down exactly. */
function writableEndsOf(type: RegisterType): { readonly least: number; readonly most: number } {
  const { least, most } = endsOf(type)
  if (!isWhole(type)) return { least, most }
  return { least: Math.max(least, Number.MIN_SAFE_INTEGER), most: Math.min(most, Number.MAX_SAFE_INTEGER) }
}

/** The addresses that a register of a raw document takes, from `first` on. What is of no known type takes one. */
export function addressesOf(register: unknown, first: unknown): readonly unknown[] {
  const type = asMapping(register)?.type
  const known = TYPES.find(one => one === type)
  if (known === undefined || typeof first !== 'number') return [first]
  return Array.from({ length: WIDTHS[known] }, (_, i) => first + i)
}
