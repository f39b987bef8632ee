/** Exit codes, the same for every program of ours: of the agent, of what is run beside it, and of the simulator. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  refused: 3,
  unproven: 4,
  unreachable: 5,
  /** Of what keeps the agent from starting, trying again may help with this, `address` and `storage`; with none of the others. */
  blocked: 6,
  // 7 is left out: systemd calls it "not running".
  unreadable: 8,
  owner: 9,
  address: 10,
  storage: 11,
  version: 12,
  untrusted: 13,
  device: 14,
} as const

export type ExitName = keyof typeof EXIT
export type ExitCode = (typeof EXIT)[ExitName]

/** What each code says, wherever a program of ours ends with it; docs/EXIT_CODES.md is made of this. */
export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  done: 'Done, verified, or stopped when told to.',
  bug: 'A mistake of holdfast. Please report it.',
  usage:
    'Wrong usage, a wrong configuration, or a file that cannot be read or used. Of `audit verify` also: nothing contradicts the log, and nothing vouches for it either.',
  refused: 'The agent refused it; nobody confirmed it; of a scenario: an expectation did not hold.',
  unproven:
    'The plant did not follow, or nobody knows whether it did; of a point: it could not be read; of the audit log: tampered with, unsigned, rolled back, or it contradicts what was to be proven.',
  unreachable: 'No agent answers; of `fault`: no simulated plant.',
  blocked:
    'The host is in the way: another process uses the state directory, or `init` or `doctor` found something amiss.',
  unreadable: 'The configuration, or a file that it names, cannot be read.',
  owner: 'Files in the state directory belong to somebody else.',
  address: 'An address is taken, or this host does not have it.',
  storage: 'The state directory takes nothing: it is read-only, or its disk fails.',
  version: 'Another version of holdfast wrote the state.',
  untrusted:
    'What was kept cannot be relied on, or is about an actuator that there is not: a person has to look at the plant.',
  device: 'A device would do something else than the configuration says is safe.',
}
