import { z } from 'zod'
import { FAULT_KINDS, type FaultKind } from '../fault.ts'
import { LinkStaysDown } from '../faults.ts'
import type { Plant } from '../plant.ts'
import { readFault } from '../plant-file/fault-text.ts'
import { describeProblem } from '../plant-file/problem.ts'
import { describeIssue, shapeProblems } from '../plant-file/shape.ts'
import { type Answer, json, problem } from './answer.ts'
import { stateOf } from './state.ts'
import type { TimeControl } from './time.ts'

interface Request {
  readonly method: string
  readonly path: string
  readonly body: string
}

const timeForm = z.union([z.strictObject({ speed: z.number() }), z.strictObject({ advance_ms: z.number() })])
const disturbanceForm = z.strictObject({ signal: z.string(), to: z.number() })

/** Answers a request to the control port. It never throws for what a client can do wrong. */
export async function answerRequest(
  plant: Plant,
  time: TimeControl,
  { method, path, body }: Request,
): Promise<Answer> {
  const kind = /^\/v1\/faults\/([a-z-]+)$/.exec(path)?.[1]
  if (kind !== undefined) {
    const known = FAULT_KINDS.find(one => one === kind)
    if (method !== 'DELETE') return notAllowed('DELETE')
    return known ? clearFaults(plant, known) : problem(404, `no fault is called ${kind}`)
  }
  switch (`${method} ${path}`) {
    case 'GET /v1/state':
      return json(200, stateOf(plant, time))
    case 'GET /v1/faults':
      return json(200, { faults: plant.faults.active })
    case 'DELETE /v1/faults':
      return clearFaults(plant)
    case 'POST /v1/faults':
      return setFault(plant, body)
    case 'GET /v1/time':
      return json(200, time.state)
    case 'POST /v1/time':
      return setTime(time, body)
    case 'POST /v1/disturbances':
      return disturb(plant, body)
  }
  const allowed = ALLOWED[path]
  return allowed
    ? notAllowed(allowed)
    : problem(404, `there is no ${path}; there is ${Object.keys(ALLOWED).join(', ')}`)
}

/** The methods of each path. */
const ALLOWED: Readonly<Record<string, string>> = {
  '/v1/state': 'GET',
  '/v1/faults': 'GET, POST, DELETE',
  '/v1/time': 'GET, POST',
  '/v1/disturbances': 'POST',
}

async function setFault(plant: Plant, body: string): Promise<Answer> {
  const document = parse(body)
  if (document === undefined) return problem(400, 'expected a fault as JSON')
  const read = readFault(document)
  if (read.kind === 'problem') return problem(400, read.message)
  return attempt(async () => {
    await plant.faults.set(read.fault)
    return { fault: read.fault }
  })
}

function clearFaults(plant: Plant, kind?: FaultKind): Promise<Answer> {
  return attempt(async () => ({ cleared: await plant.faults.clear(kind) }))
}

async function setTime(time: TimeControl, body: string): Promise<Answer> {
  const given = timeForm.safeParse(parse(body))
  if (!given.success) return problem(400, 'expected {"speed": 10} or {"advance_ms": 1000}')
  const { data } = given
  const refusal = 'speed' in data ? time.setSpeed(data.speed) : await time.advance(data.advance_ms)
  return refusal === undefined ? json(200, time.state) : problem(409, refusal)
}

async function disturb(plant: Plant, body: string): Promise<Answer> {
  const given = disturbanceForm.safeParse(parse(body), { error: describeIssue, reportInput: true })
  if (!given.success) return problem(400, shapeProblems(given.error.issues).map(describeProblem).join('\n'))
  return attempt(async () => {
    plant.disturb(given.data.signal, given.data.to)
    return given.data
  })
}

/** What the plant does not have is the client's mistake, and a port that is taken this machine's; anything else is ours. */
async function attempt(act: () => Promise<object>): Promise<Answer> {
  try {
    return json(200, await act())
  } catch (error) {
    if (error instanceof RangeError) return problem(400, error.message)
    if (error instanceof LinkStaysDown) return problem(409, error.message)
    throw error
  }
}

function notAllowed(methods: string): Answer {
  return problem(405, `expected ${methods}`)
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
