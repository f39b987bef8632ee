/**
 * What keeps the agent from starting, by the name of its exit status (model/exit.ts): another process, whose the state is,
 * a disk that takes nothing, another version's state, a state that must not be guessed at, or a device that contradicts.
 */
export type Obstacle = 'blocked' | 'owner' | 'storage' | 'version' | 'untrusted' | 'device'

/** Why the agent cannot start, in words for the engineer. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
  readonly obstacle: Obstacle

  constructor(message: string, obstacle: Obstacle) {
    super(message)
    this.obstacle = obstacle
  }
}
