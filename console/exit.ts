/** Exit codes, the same for every command. */
export const EXIT = {
  /** Done, or verified. */
  done: 0,
  /** A mistake of ours. */
  bug: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  refused: 3,
  /** The plant did not follow, or nobody knows whether it did. */
  unproven: 4,
  /** No agent answers. */
  unreachable: 5,
  /** The host is in the agent's way: a port that is taken, a directory that cannot be used. Trying again may help. */
  blocked: 6,
} as const
