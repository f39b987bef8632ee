import type { MonitoredItemCreateResult } from 'node-opcua-client'
import type { Millis } from '../../model/time.ts'
import type { Session } from './once.ts'
import { faultIn } from './status.ts'

/** AttributeIds.Value, TimestampsToReturn.Neither and MonitoringMode.Reporting. */
const VALUE = 13
const NEITHER = 3
const REPORTING = 2

/** So many nodes go into one request, and fewer where that is more than the server takes. */
const AT_ONCE = 100

/** A node to be told of, by the name of its point. */
export interface Item {
  readonly name: string
  readonly nodeId: string
  /** How often the server shall look. */
  readonly sampling: Millis
}

/**
 * Has a subscription tell of nodes, under their place in the list. Resolves with what the server says of each, in their order; rejects
 * where it does not answer, or refuses a request. How many it takes at once (MaxMonitoredItemsPerCall, OPC 10000-5
 * §6.3.11) is not asked, since not every server says it: one for which it was too many is asked for half as many.
 */
export async function monitor(
  session: Session,
  subscriptionId: number,
  items: readonly Item[],
): Promise<readonly MonitoredItemCreateResult[]> {
  const created: MonitoredItemCreateResult[] = []
  let atOnce = AT_ONCE
  while (created.length < items.length) {
    const first = created.length
    const part = items.slice(first, first + atOnce)
    try {
      const { results } = await session.createMonitoredItems({
        subscriptionId,
        timestampsToReturn: NEITHER,
        itemsToCreate: part.map(({ nodeId, sampling }, place) => ({
          itemToMonitor: { nodeId, attributeId: VALUE },
          monitoringMode: REPORTING,
          requestedParameters: {
            clientHandle: first + place,
            samplingInterval: sampling,
            queueSize: 1,
            discardOldest: true,
          },
        })),
      })
      // As many as were asked for: another answer would have been none (answer.ts).
      created.push(...(results ?? []))
    } catch (error) {
      if (part.length === 1 || faultIn(error)?.name !== 'BadTooManyOperations') throw error
      atOnce = Math.floor(part.length / 2)
    }
  }
  return created
}
