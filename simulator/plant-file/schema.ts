import { z } from 'zod'
import { elementForm, sensorForm } from './element.ts'
import { faultsForm } from './fault-form.ts'
import { type PlcFileSpec, plcForm, plcsForm, plcsOf } from './plc-form.ts'
import { name, signal } from './quantity.ts'

/** The plant file's form. What its parts mean is said where they act; units are in the names. */

export const seedForm = z.int().min(0).max(0xffff_ffff)

/** The message of an issue that the check of references puts into words, along with everything else. */
export const SAID_ELSEWHERE = 'said elsewhere'

export const plantForm = z
  .strictObject({
    plant: name,
    seed: seedForm.default(1),
    /** One PLC, or several by name. */
    plc: plcForm.optional(),
    plcs: z.record(name, plcsForm).optional(),
    elements: z.record(name, elementForm),
    sensors: z.record(signal, sensorForm).default({}),
    faults: faultsForm,
  })
  .transform(({ plc, plcs, ...rest }, context) => {
    const all = plcsOf(plc, plcs)
    const first: PlcFileSpec | undefined = all.values().next().value
    if (first) return { ...rest, plcs: all, plc: first }
    context.issues.push({ code: 'custom', message: SAID_ELSEWHERE, input: plc, path: ['plc'] })
    return z.NEVER
  })

/** A plant file as it is written, for those who write it as an object. */
export type PlantFile = z.input<typeof plantForm>
/** A plant file that was read: defaults filled in, durations in milliseconds; `plc` is the first of `plcs`. */
export type PlantSpec = z.output<typeof plantForm>
