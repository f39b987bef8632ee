import type { DataValue } from 'node-opcua-client'
import type { Session } from './once.ts'
import { isGood } from './status.ts'

/** AttributeIds.Value, the type UInt32 and VariantArrayType.Scalar. */
const VALUE = 13
const UINT32 = 7
const SCALAR = 0

/**
 * How much a server takes in one request (OperationLimits, OPC 10000-5 §6.3.11); infinite where it does not say, or says 0. What
 * is written or called goes alone, so that those limits are never met.
 */
export interface OperationLimits {
  readonly nodesPerRead: number
  readonly monitoredItemsPerCall: number
}

/** Server_ServerCapabilities_OperationLimits_MaxNodesPerRead and MaxMonitoredItemsPerCall (OPC 10000-6 §A.3), in namespace 0. */
const MAX_NODES_PER_READ = 'i=11705'
const MAX_MONITORED_ITEMS_PER_CALL = 'i=11714'

const asked = new WeakMap<Session, Promise<OperationLimits>>()

/** Asks a server once a session, when it matters first: a session that is new need not wait for it. Rejects without an answer. */
export function limitsOf(session: Session): Promise<OperationLimits> {
  const known = asked.get(session) ?? ask(session)
  asked.set(session, known)
  known.catch(() => asked.delete(session))
  return known
}

/** One after the other: a server may take no more than that. */
async function ask(session: Session): Promise<OperationLimits> {
  const limitIn = async (nodeId: string) => limit(await session.read({ nodeId, attributeId: VALUE }, 0))
  return {
    nodesPerRead: await limitIn(MAX_NODES_PER_READ),
    monitoredItemsPerCall: await limitIn(MAX_MONITORED_ITEMS_PER_CALL),
  }
}

function limit({ statusCode, value }: DataValue): number {
  const isNumber = isGood(statusCode) && value.dataType === UINT32 && value.arrayType === SCALAR
  return isNumber && value.value > 0 ? value.value : Number.POSITIVE_INFINITY
}
