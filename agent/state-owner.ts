import { statSync } from 'node:fs'

/** The user and groups of this process: what can be given up for good. `process` has all of it. */
export interface ProcessUser {
  getuid?(): number
  seteuid?(user: number): void
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

/**
 * One thing that root makes or changes in a state directory, done as whom the directory belongs to: what is made is that user's from its
 * first moment, however this process ends, and nothing is done there that this user could not do. `work` must be done when it returns. Throws what the system says.
 */
export function makeAsOwner(stateDir: string, self: ProcessUser, work: () => void): void {
  const { uid } = statSync(stateDir)
  if (self.getuid?.() !== 0 || uid === 0) return work()
  self.seteuid?.(uid)
  try {
    work()
  } finally {
    self.seteuid?.(0)
  }
}
