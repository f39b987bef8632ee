import { z } from 'zod'
import { type Millis, parseDuration } from '../../model/time.ts'
import type { Table } from '../image.ts'
import { faultForm } from '../plant-file/fault-form.ts'
import { cell, cellAddress, duration, name, signal } from '../plant-file/quantity.ts'
import { seedForm } from '../plant-file/schema.ts'

/** The form of a scenario file: what happens to a plant, when, and what is expected of it. */

const moment = z
  .string('expected a time since the start such as 0s, 500ms or 2m')
  .transform((text, context): Millis => {
    const ms = text === '0s' ? 0 : parseDuration(text)
    if (ms === undefined) {
      const message = `expected a time since the start such as 0s, 500ms or 2m, not ${JSON.stringify(text)}`
      context.issues.push({ code: 'custom', message, input: text })
    }
    return ms ?? 0
  })

/** A node of OPC UA, such as `tank.level` or `holding-register.100`. */
const node = z.string().regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'expected the name of a node, such as tank.level')
const writable = { coil: cellAddress.optional(), holding_register: cellAddress.optional() }
const readable = {
  ...writable,
  discrete_input: cellAddress.optional(),
  input_register: cellAddress.optional(),
}

const write = z
  .strictObject({
    ...writable,
    node: node.optional(),
    /** Raw; of a node in its unit. */
    value: z.number().optional(),
    /** Writes 1, 2, 3 … instead, as a heartbeat does. */
    counting: z.literal(true).optional(),
    plc: name.optional(),
    /** What the PLC is to answer. */
    answer: z.enum(['ok', 'exception', 'bad', 'none']).default('ok'),
    /** With `answer: exception`, its code. */
    code: z.int().min(1).max(255).optional(),
    /** With `answer: bad`, its status code. */
    status: z.string().startsWith('Bad', 'expected a status code such as BadOutOfRange').optional(),
    /** The longest time that the answer may take. */
    within: duration.optional(),
  })
  .refine(
    given => one(given.coil, given.holding_register, given.node),
    'expected coil, holding_register or node',
  )
  .refine(given => given.node !== undefined || cell.optional().safeParse(given.value).success, {
    error: 'expected a whole number from 0 to 65535, which is what a cell holds',
    path: ['value'],
  })
  .refine(({ node, answer }) => answer !== (node === undefined ? 'bad' : 'exception'), {
    error: 'expected exception for a cell of Modbus, bad for a node of OPC UA',
    path: ['answer'],
  })
  .refine(given => one(given.value, given.counting), 'expected value or counting: true')

const expectation = z
  .strictObject({
    /** What is true. */
    signal: signal.optional(),
    /** What the sensor shows. */
    shown: signal.optional(),
    ...readable,
    node: node.optional(),
    /** Of a node. */
    quality: z.enum(['good', 'uncertain', 'bad']).optional(),
    watchdog: z.enum(['off', 'running', 'expired']).optional(),
    plc: name.optional(),
    equals: z.number().optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    /** It has to hold at one moment of this time at least. */
    within: duration.optional(),
    /** It has to hold for all of this time. */
    throughout: duration.optional(),
  })
  .refine(
    ({ signal, shown, node, watchdog, coil, discrete_input, holding_register, input_register }) =>
      one(signal, shown, node, watchdog, coil, discrete_input, holding_register, input_register),
    'expected one of signal, shown, node, watchdog, coil, discrete_input, holding_register, input_register',
  )
  .refine(
    ({ watchdog, quality, equals, min, max }) =>
      (watchdog ?? quality ?? equals ?? min ?? max) !== undefined &&
      [equals ?? watchdog, min ?? max].filter(value => value !== undefined).length <= 1,
    'expected equals, or min, max or both',
  )
  .refine(({ node, quality }) => quality === undefined || node !== undefined, {
    error: 'expected a node: nothing else has a quality',
    path: ['quality'],
  })
  .refine(({ within, throughout }) => !(within && throughout), 'expected within or throughout, not both')

const step = z
  .strictObject({
    at: moment,
    /** Does it again and again, until a moment. */
    every: duration.optional(),
    until: moment.optional(),
    write: write.optional(),
    fault: faultForm.optional(),
    /** A kind of fault, or all. */
    clear: z.string().optional(),
    disturb: z.strictObject({ signal, to: z.number().min(0) }).optional(),
    expect: expectation.optional(),
  })
  .refine(
    ({ write, fault, clear, disturb, expect }) => one(write, fault, clear, disturb, expect),
    'expected one of write, fault, clear, disturb, expect',
  )
  .refine(({ every, until }) => (every === undefined) === (until === undefined), 'expected every and until')

export const scenarioForm = z.strictObject({
  scenario: z.string().min(1),
  /** The plant file, from this file's folder. */
  plant: z.string().min(1),
  seed: seedForm.optional(),
  steps: z.array(step).min(1),
})

export type ScenarioSpec = z.output<typeof scenarioForm>
export type Step = ScenarioSpec['steps'][number]
export type Write = NonNullable<Step['write']>
export type Expectation = NonNullable<Step['expect']>

/** The cell that a write or an expectation names; undefined for an expectation of something else. */
export function cellOf(
  given: Partial<
    Record<'coil' | 'discrete_input' | 'holding_register' | 'input_register', number | undefined>
  >,
): { readonly table: Table; readonly address: number } | undefined {
  const { coil, discrete_input, holding_register, input_register } = given
  if (coil !== undefined) return { table: 'coil', address: coil }
  if (discrete_input !== undefined) return { table: 'discrete-input', address: discrete_input }
  if (holding_register !== undefined) return { table: 'holding-register', address: holding_register }
  if (input_register !== undefined) return { table: 'input-register', address: input_register }
  return undefined
}

function one(...values: readonly unknown[]): boolean {
  return values.filter(value => value !== undefined).length === 1
}
