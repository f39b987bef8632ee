import { inNetworks } from '../command/authorize.ts'
import type { Received } from '../command/received.ts'
import { Refused } from '../command/refused.ts'
import type { HttpAnswer } from './answers.ts'
import type { Callers } from './callers.ts'

export interface MetricsParts {
  readonly metrics: { text(): Promise<{ readonly text: string; readonly type: string }> }
  /** Networks from which nobody needs a signature for them. */
  readonly allowedNetworks: readonly string[]
}

/**
 * The metrics, for whoever may read: over a unix socket or with a client certificate unsigned, and from the networks that the
 * configuration names, because Prometheus signs nothing.
 */
export async function answerMetrics(
  received: Received,
  callers: Callers,
  { metrics, allowedNetworks }: MetricsParts,
): Promise<HttpAnswer | Refused> {
  const isOpen = received.source !== 'local' && inNetworks(received.source, allowedNetworks)
  const reader = isOpen ? undefined : callers.reader(received)
  if (reader instanceof Refused) return reader
  const { text, type } = await metrics.text()
  return { status: 200, body: text, mediaType: type }
}
