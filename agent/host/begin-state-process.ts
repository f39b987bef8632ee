import { fork } from 'node:child_process'
import type { BeginOrder, Begun } from './begin-state.ts'

/** The program beside this one, compiled or not. */
const MAIN = new URL(
  import.meta.url.endsWith('.ts') ? './begin-state-main.ts' : './begin-state-main.js',
  import.meta.url,
)

/** Has an order carried out by another process, and waits until that has ended. It ends with the signal, or with this one. */
export async function beginStateApart(order: BeginOrder, signal: AbortSignal): Promise<Begun> {
  const { promise, resolve } = Promise.withResolvers<Begun>()
  let answer: Begun | undefined
  const child = fork(MAIN, { signal, killSignal: 'SIGKILL', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  child
    .on('message', (message: Begun) => {
      answer = message
    })
    .on('error', () => {})
    .on('close', code =>
      resolve(
        answer ?? {
          kind: 'failed',
          detail: signal.aborted
            ? 'interrupted: run it again, it goes on from here'
            : `it ended with ${code}`,
        },
      ),
    )
  child.send(order, error => error && child.kill('SIGKILL'))
  return await promise
}
