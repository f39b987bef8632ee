import type { ServerResponse } from 'node:http'
import type { Json } from '../../model/json.ts'
import { describeFound, type Outcome } from '../../model/outcome.ts'
import { type Problem, problemOf, type Refusal } from '../../model/refusal.ts'
import type { Millis } from '../../model/time.ts'
import type { CommandAnswer } from '../command/pipeline.ts'
import type { Selected } from '../command/select.ts'

/** What is sent back: a status and a body, which is a problem document (RFC 9457) for everything from 400 on. */
export interface HttpAnswer {
  readonly status: number
  readonly retryAfter?: Millis | undefined
  readonly body: Json
  /** The body's media type, where it is a text that is sent as it stands; JSON otherwise. */
  readonly mediaType?: string
  /** Header fields beside those that every answer has. */
  readonly fields?: Readonly<Record<string, string>>
}

export function answerRefusal(refusal: Refusal, extra: Record<string, Json> = {}): HttpAnswer {
  return { status: refusal.status, retryAfter: refusal.retryAfter, body: { ...problemOf(refusal), ...extra } }
}

/** Only `verified` is a success. */
export function answerCommand({ outcome, actuator, command, latency, recorded }: CommandAnswer): HttpAnswer {
  const about = {
    outcome: outcome.kind,
    actuator,
    ...(command === undefined ? {} : { command }),
    latency_ms: Math.round(latency * 100) / 100,
    recorded,
  }
  switch (outcome.kind) {
    case 'verified':
      return { status: 200, body: { ...about, asked: outcome.asked, found: outcome.found } }
    case 'mismatch':
      return answerUnproven(502, '502 Bad Gateway - Mismatch', outcome, about)
    case 'unknown':
      return answerUnproven(504, '504 Gateway Timeout - Unknown', outcome, about)
    case 'refused':
      return answerRefusal(outcome.refusal, about)
  }
}

function answerUnproven(
  status: number,
  title: string,
  outcome: Extract<Outcome, { kind: 'mismatch' | 'unknown' }>,
  about: Record<string, Json>,
): HttpAnswer {
  const problem: Problem = {
    type: `urn:holdfast:problem:${outcome.kind}`,
    title,
    status,
    detail: `asked for ${outcome.asked}, found ${describeFound(outcome.found)}: ${outcome.detail}`,
    code: outcome.kind,
    remedy: 'look at the actuator before sending anything again',
  }
  return { status, body: { ...problem, ...about, asked: outcome.asked, found: outcome.found } }
}

export function answerSelect(actuator: string, selected: Selected): HttpAnswer {
  if (selected.kind === 'not-needed')
    return { status: 200, body: { outcome: 'not-needed', actuator, detail: selected.detail } }
  const { setpoint, until } = selected.selection
  return {
    status: 200,
    body: { outcome: 'selected', actuator, asked: setpoint, until: new Date(until).toISOString() },
  }
}

/** Sends an answer. Nothing of it may be kept by anyone on the way. */
export function send(
  response: ServerResponse,
  { status, body, retryAfter, mediaType, fields }: HttpAnswer,
): void {
  const bytes = Buffer.from(mediaType === undefined ? `${JSON.stringify(body)}\n` : String(body))
  response.writeHead(status, {
    'Content-Type': mediaType ?? (isProblem(body) ? 'application/problem+json' : 'application/json'),
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    // In whole seconds (RFC 9110 §10.2.3), and never so early that it would be too early again.
    ...(retryAfter === undefined ? {} : { 'Retry-After': Math.ceil(retryAfter / 1000) }),
    ...fields,
    ...(status === 401 ? { 'WWW-Authenticate': 'Signature' } : {}),
  })
  response.end(bytes)
}

function isProblem(body: Json): boolean {
  return typeof body === 'object' && body !== null && 'type' in body && 'title' in body
}

/** The same for a connection that never got as far as a request. */
export function rawAnswer({ status, body }: HttpAnswer): string {
  const text = `${JSON.stringify(body)}\n`
  return `HTTP/1.1 ${status} Refused\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`
}

/** It counts now, and would be forgotten at a power cut. */
export function viewUnkept(unkept: string | undefined): { unkept?: string } {
  return unkept === undefined ? {} : { unkept }
}
