import type { Identity } from '../identity.ts'
import type { Asked } from './ask.ts'
import type { Patience } from './deadlines.ts'
import { identificationQuestion, type Question } from './pdu.ts'

/** Object identifiers of Modbus Application Protocol V1.1b3 §6.21. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'vendor',
  1: 'product_code',
  2: 'revision',
  3: 'vendor_url',
  4: 'product_name',
  5: 'model',
  6: 'application',
}

/** An identification may come in parts. There is no end to the parts of a device that is out of order. */
const PARTS_MAX = 16

type Ask = (question: Question, patience: Patience) => Promise<Asked>

/** Asks a device what it is: all that it has of the regular objects, or the basic ones where it knows no others. */
export async function identify(ask: Ask, patience: Patience): Promise<Identity> {
  const regular = await collect(ask, 2, patience)
  return regular.kind === 'refused' ? failedUnless(await collect(ask, 1, patience)) : failedUnless(regular)
}

type Collected = Identity | { readonly kind: 'refused'; readonly reason: string }

function failedUnless(collected: Collected): Identity {
  return collected.kind === 'refused' ? { kind: 'failed', reason: collected.reason } : collected
}

async function collect(ask: Ask, kind: 1 | 2, patience: Patience): Promise<Collected> {
  const facts: Record<string, string> = {}
  let object = 0
  for (let part = 0; part < PARTS_MAX; part += 1) {
    const asked = await ask(identificationQuestion(kind, object), patience)
    if (asked.kind === 'exception') return { kind: 'refused', reason: asked.reason }
    if (asked.kind !== 'data') return { kind: 'failed', reason: asked.reason }
    const { data } = asked
    if (!takeObjects(data.subarray(6), data[5] ?? 0, facts))
      return { kind: 'failed', reason: 'the device answered an identification that is cut off' }
    const next = data[4] ?? 0
    if (data[3] !== 0xff || next <= object) return { kind: 'identity', facts }
    object = next
  }
  return { kind: 'failed', reason: `the device has more to say about itself than ${PARTS_MAX} answers hold` }
}

/** Takes so many objects out of the bytes: an identifier, a length and a text each. */
function takeObjects(bytes: Buffer, count: number, facts: Record<string, string>): boolean {
  let at = 0
  for (let left = count; left > 0; left -= 1) {
    const [id, length] = [bytes[at], bytes[at + 1]]
    if (id === undefined || length === undefined || at + 2 + length > bytes.length) return false
    const text = bytes.toString('latin1', at + 2, at + 2 + length)
    // What a device says goes to a terminal: nothing in it may steer one.
    facts[NAMES[id] ?? `object_${id}`] = text.replace(/[^\x20-\x7e\xa0-\xff]/g, '?').trim()
    at += 2 + length
  }
  return true
}
