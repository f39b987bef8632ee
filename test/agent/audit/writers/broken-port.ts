import { parentPort } from 'node:worker_threads'
import type { Envelope, Reply, Request } from '../../../../agent/audit/messages.ts'
import { serveWriter } from '../../../../agent/audit/writer.ts'

export interface Breaks {
  /** Called with a commit before it is made. */
  before?(): void
  /** Called after it was made and before it is answered. */
  after?(): void
}

/** Serves as the writer does, and breaks at the commit of an alarm of the given name. */
export function serveBroken(alarm: string, breaks: Breaks): void {
  const port = parentPort
  if (!port) throw new Error('not a thread')
  let isDue = false
  serveWriter({
    on: (_, listener) =>
      port.on('message', (envelope: Envelope<Request>) => {
        const { body } = envelope
        isDue =
          body.kind === 'commit' &&
          body.candidates.some(({ stamped, wanted }) => wanted && stamped.entry.alarm === alarm)
        if (isDue) breaks.before?.()
        listener(envelope)
      }),
    postMessage: (envelope: Envelope<Reply>) => {
      if (isDue) breaks.after?.()
      port.postMessage(envelope)
    },
  })
}
