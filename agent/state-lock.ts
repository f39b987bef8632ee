import type { Stats } from 'node:fs'
import { access, constants, lstat, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isAnswering } from './api/listener.ts'
import { StartFailure } from './start-failure.ts'
import { makeAsOwner } from './state-owner.ts'

/**
 * Takes a state directory for this process alone: two programs must not write one audit log, nor keep one set of latches.
 * The lock is a socket that this process listens on, so that it goes with the process however that ends; what a killed
 * one leaves of it belongs to whom the directory belongs to, so that the agent finds nobody there. Makes the directory where there is none. Returns why not when another process has it, or the directory cannot be used.
 */
export async function lockState(stateDir: string): Promise<AsyncDisposable | StartFailure> {
  const path = join(stateDir, 'lock')
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
    const left = await lstat(path).catch(() => undefined)
    if (left?.isSocket() && !(await mayAsk(path))) return closedLock(path, left)
    if (left?.isSocket() && (await isAnswering(path)))
      return new StartFailure(`another holdfast process uses ${stateDir}; stop it first`, 'blocked')
    if (left?.isSocket()) await rm(path, { force: true })
    const server = createServer(socket => socket.destroy())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    // The socket is made before `listen` returns.
    makeAsOwner(stateDir, process, () => void server.listen(path, resolve))
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

/** Whether this user may ask a socket for somebody: to connect is to write (unix(7)). */
async function mayAsk(socket: string): Promise<boolean> {
  return await access(socket, constants.W_OK).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'EACCES',
  )
}

function closedLock(path: string, { uid }: Stats): StartFailure {
  return new StartFailure(
    `${path} belongs to user ${uid}, so whether another holdfast process uses the state directory cannot be told; stop what user ${uid} runs there, then, as root: rm ${path}`,
    'owner',
  )
}
