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
  /**
   * The host is in the way: another process uses the state, or `init` or `doctor` found something amiss. Of what keeps the agent from
   * starting, trying again may help with this, `address` and `storage`; with none of the others.
   */
  blocked: 6,
  // 7 is left out: systemd calls it "not running".
  /** The configuration, or a file that it names, cannot be read. */
  unreadable: 8,
  /** The state belongs to somebody else. */
  owner: 9,
  /** An address is taken, or this host does not have it. */
  address: 10,
  /** The state directory takes nothing: it is read-only, or its disk fails. */
  storage: 11,
  /** Another version of holdfast wrote the state. */
  version: 12,
  /** What was kept cannot be relied on, or is about an actuator that there is not: a person has to look at the plant. */
  untrusted: 13,
  /** A device would do something else than the configuration says is safe. */
  device: 14,
} as const
