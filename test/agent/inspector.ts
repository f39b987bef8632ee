import type { RunningAgent } from './gateway.ts'

/** What makes an agent listen for `evaluate`. The product has no door of this kind: this is the runtime's own. */
export const INSPECTED = '--inspect=127.0.0.1:0'

/**
 * Runs a piece of program inside an agent that was started with NODE_OPTIONS=--inspect: on its own thread, between two turns of
 * its event loop. Resolves when it has ended, or the process has.
 */
export async function evaluate(agent: RunningAgent, expression: string): Promise<void> {
  const [, address = ''] = await agent.said(/Debugger listening on (ws:\S+)/)
  const socket = new WebSocket(address)
  await new Promise<void>((resolve, reject) => {
    const unreachable = (): void => reject(new Error(`${address} cannot be reached`))
    socket.addEventListener('error', unreachable)
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }))
      // From here on an end of the connection is the end of the process.
      socket.removeEventListener('error', unreachable)
      socket.addEventListener('error', () => resolve())
      socket.addEventListener('close', () => resolve())
      socket.addEventListener('message', () => resolve())
    })
  })
  socket.close()
}
