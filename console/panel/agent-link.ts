import type { Json } from '../../model/json.ts'
import type { Problem } from '../../model/refusal.ts'
import type { Clock, Entropy, Millis } from '../../model/time.ts'
import type { Signer } from './signer.ts'

/** What came of asking the agent. */
export type Answer =
  | { readonly kind: 'answered'; readonly body: Json }
  | { readonly kind: 'problem'; readonly status: number; readonly problem: Problem }
  /** Nobody knows what became of the request. */
  | { readonly kind: 'unreachable'; readonly detail: string }

/** Tells a failure to the person in front of the screen, in words. */
export function describeFailure(answer: Exclude<Answer, { kind: 'answered' }>): string {
  if (answer.kind === 'unreachable') return answer.detail
  const { detail, remedy } = answer.problem
  return remedy === undefined ? detail : `${detail}. Next: ${remedy}`
}

/** The way to the agent that served this page. Every request is signed anew, and nothing else says who sends it. */
export class AgentLink {
  readonly #signer: Signer
  readonly #authority: string
  readonly #clock: Pick<Clock, 'wall'>
  readonly #entropy: Entropy

  /** `authority` is the host and port of the page's own address, as the browser writes it in `Host`. */
  constructor(signer: Signer, authority: string, clock: Pick<Clock, 'wall'>, entropy: Entropy) {
    this.#signer = signer
    this.#authority = authority
    this.#clock = clock
    this.#entropy = entropy
  }

  /** Asks once, and waits no longer than the deadline. Nothing is ever repeated by itself. */
  async ask(method: 'GET' | 'POST', path: string, deadline: Millis, message?: Json): Promise<Answer> {
    const body = new TextEncoder().encode(message === undefined ? '' : JSON.stringify(message))
    const freshness = { created: Math.floor(this.#clock.wall() / 1000), nonce: this.#entropy(16) }
    try {
      const headers = await this.#signer.sign({ method, authority: this.#authority, path, body }, freshness)
      const response = await fetch(path, {
        method,
        headers,
        cache: 'no-store',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
        // There are no cookies. A client certificate counts as a credential, too, and a TLS listener wants it.
        credentials: 'same-origin',
        signal: AbortSignal.timeout(deadline),
        ...(method === 'POST' ? { body } : {}),
      })
      return readAnswer(response.status, (await response.json()) as unknown)
    } catch (error) {
      return { kind: 'unreachable', detail: whyNot(error) }
    }
  }
}

function readAnswer(status: number, body: unknown): Answer {
  if (status === 200 && typeof body === 'object' && body !== null)
    return { kind: 'answered', body: body as Json }
  const { title, detail, code } = (body ?? {}) as Partial<Problem>
  const isProblem = typeof title === 'string' && typeof detail === 'string' && typeof code === 'string'
  return status >= 400 && isProblem
    ? { kind: 'problem', status, problem: body as Problem }
    : { kind: 'unreachable', detail: `what answers (HTTP ${status}) is not a holdfast agent` }
}

/** A browser does not tell a page why it could not connect. */
function whyNot(error: unknown): string {
  if (error instanceof SyntaxError) return 'what answers is not a holdfast agent'
  const isLate = error instanceof DOMException && error.name === 'TimeoutError'
  return isLate ? 'no answer in time' : 'no connection to the agent'
}
