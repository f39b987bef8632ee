/** Why the agent cannot start, in words for the engineer. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
}
