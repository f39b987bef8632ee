import { lstat, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isAnswering } from './api/listener.ts'
import { StartFailure } from './start-failure.ts'

/**
 * Takes a state directory for this process alone: two programs must not write one audit log, nor keep one set of latches.
 * The lock is a socket that this process listens on, so that it goes with the process however that ends. Makes the
 * directory where there is none. Returns why not when another process has it, or the directory cannot be used.
 */
export async function lockState(stateDir: string): Promise<AsyncDisposable | StartFailure> {
  const path = join(stateDir, 'lock')
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
    const left = await lstat(path).catch(() => undefined)
    if (left?.isSocket() && (await isAnswering(path)))
      return new StartFailure(`another holdfast process uses ${stateDir}; stop it first`, 'blocked')
    if (left?.isSocket()) await rm(path, { force: true })
    const server = createServer(socket => socket.destroy())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject).listen(path, resolve)
    await promise
    // It holds the directory and not the process: whoever is done may end.
    server.unref()
    return { [Symbol.asyncDispose]: () => new Promise(closed => server.close(() => closed())) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return new StartFailure(
      `the state directory ${stateDir} cannot be used: ${message}`,
      code === 'EACCES' || code === 'EPERM' ? 'owner' : 'storage',
    )
  }
}
