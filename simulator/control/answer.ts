/** What goes back to a client of the control port. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Buffer
}

export function json(status: number, value: object): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value) }
}

/** An error as RFC 9457 has it. */
export function problem(status: number, detail: string): Answer {
  return { status, type: 'application/problem+json', body: JSON.stringify({ status, detail }) }
}
