import type {
  ClientSession,
  ClientSessionPublishService,
  ClientSessionRawSubscriptionService,
} from 'node-opcua-client'
import { objectionTo, type Request, type Response } from './answer.ts'

/** A session with the services that subscriptions are made of. */
export type Session = ClientSession & ClientSessionRawSubscriptionService & ClientSessionPublishService

/** What every request of a session goes through, and what is behind it. */
interface Inside {
  performMessageTransaction: Send
  _performMessageTransaction: Send
}
type Send = (request: Request, answered: (error: Error | null, response?: Response) => void) => void

/**
 * The same session, which sends each request once. By itself the library holds requests back while a channel is being repaired, and
 * when a server does not know the session any more it makes another one and sends the request again, however late that is: a
 * command that was given up long ago would move the plant. There is no option for that, so the way in is put before the way
 * out. `test/drivers/opcua/session.test.ts` sees whether it still does. An answer that is none to its request goes no further.
 */
export function sendingOnce(session: ClientSession): Session {
  const inside = session as unknown as Inside
  if (typeof inside._performMessageTransaction !== 'function')
    throw new TypeError('this version of node-opcua-client cannot be kept from repeating requests')
  inside.performMessageTransaction = (request, answered) =>
    inside._performMessageTransaction(request, (error, response) => {
      const objection = response ? objectionTo(request, response) : undefined
      if (objection !== undefined) answered(new Error(objection))
      // A refusal of the whole request need not come as a ServiceFault: with one the library keeps what was said.
      else if (error && response) answered(Object.assign(error, { response }))
      else answered(error, response)
    })
  return session as Session
}
