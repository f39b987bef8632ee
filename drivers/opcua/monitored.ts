import type { MonitoredItemCreateResult } from 'node-opcua-client'
import type { Millis } from '../../model/time.ts'
import type { Session } from './once.ts'
import { inParts } from './parts.ts'

/** AttributeIds.Value, TimestampsToReturn.Neither and MonitoringMode.Reporting. */
const VALUE = 13
const NEITHER = 3
const REPORTING = 2

/** A node to be told of, by the name of its point. */
export interface Item {
  readonly name: string
  readonly nodeId: string
  /** How often the server shall look. */
  readonly sampling: Millis
}

/**
 * Has a subscription tell of nodes, under their place in the list. Resolves with what the server says of each, in their order; rejects
 * where it does not answer, or refuses a request. `limit` is how many nodes it takes in one.
 */
export function monitor(
  session: Session,
  subscriptionId: number,
  items: readonly Item[],
  limit: number,
): Promise<readonly MonitoredItemCreateResult[]> {
  return inParts(items, limit, async (part, first) => {
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
    return results ?? []
  })
}
