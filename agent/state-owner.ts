import { statSync } from 'node:fs'

/** The user and groups of this process: what can be given up for good. `process` has all of it. */
export interface ProcessUser {
  getuid?(): number
  initgroups?(user: number, group: number): void
  setgroups?(groups: readonly number[]): void
  setgid?(group: number): void
  setuid?(user: number): void
  chdir?(folder: string): void
}

/**
 * Root's work in a state directory that belongs to the agent's user is done as that user, from here to the end of the
 * process: what is made there is then the agent's to read, and the TPM is asked as the agent will ask it. Where the
 * directory is root's or not there yet, nothing changes. Returns the user that this process is now. It leaves root's working
 * directory, which may be /root: nobody else can start a program there.
 */
export function actAsOwner(stateDir: string, self: ProcessUser): number {
  const user = self.getuid?.() ?? 0
  const owner = statSync(stateDir, { throwIfNoEntry: false })
  if (user !== 0 || !owner || owner.uid === 0) return user
  self.chdir?.('/')
  try {
    self.initgroups?.(owner.uid, owner.gid)
  } catch {
    // A user without a name is in no group but its own.
    self.setgroups?.([owner.gid])
  }
  self.setgid?.(owner.gid)
  self.setuid?.(owner.uid)
  return owner.uid
}
