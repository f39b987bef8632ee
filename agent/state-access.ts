import { access, constants, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { StartFailure } from './start-failure.ts'
import { lockState } from './state-lock.ts'

const { R_OK, W_OK, X_OK } = constants

/** What the agent cannot do without in its state directory, and how it uses each. What is not there yet it makes itself. */
const NEEDED: readonly (readonly [name: string, mode: number])[] = [
  ['.', R_OK | W_OK | X_OK],
  ['audit.db', R_OK | W_OK],
  ['audit.db-wal', R_OK | W_OK],
  ['audit.db-shm', R_OK | W_OK],
  ['latches.json', R_OK],
  ['lockouts.json', R_OK],
  ['revocations.json', R_OK],
  ['clock.json', R_OK],
  ['master-key', R_OK | X_OK],
]

/** Takes the state directory for this process alone, and only where it may use what is there. Throws StartFailure. */
export async function takeState(stateDir: string): Promise<AsyncDisposable> {
  await checkAccess(stateDir)
  const lock = await lockState(stateDir)
  if (lock instanceof StartFailure) throw lock
  return lock
}

/**
 * Whether this process may use what an earlier one left. Throws StartFailure with everything that it may not, and whose it
 * is: somebody who has put files back as root would otherwise meet one refusal after the other, none of which says why.
 */
async function checkAccess(stateDir: string): Promise<void> {
  const refused: string[] = []
  for (const [name, mode] of NEEDED) {
    const path = join(stateDir, name)
    const code = await access(path, mode).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    if (code === 'EACCES' || code === 'EPERM') refused.push(`${path} belongs to ${await ownerOf(path)}`)
    else if (code === 'EROFS')
      throw new StartFailure(`the state directory ${stateDir} is on a disk that is read-only`, 'storage')
  }
  if (refused.length === 0) return
  const { username } = userInfo()
  throw new StartFailure(
    `${refused.join('\n')}\nthe agent runs as ${username} and may not use that: chown -R ${username}: ${stateDir}`,
    'owner',
  )
}

async function ownerOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  return found === undefined
    ? 'somebody who shows it to nobody'
    : `user ${found.uid}, with mode ${(found.mode & 0o777).toString(8).padStart(4, '0')}`
}
