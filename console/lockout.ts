import { parseDuration } from '../model/time.ts'
import { type CommandOptions, signed } from './command.ts'
import { describeLockout, type LockoutView } from './guards.ts'
import { misused, type Surroundings } from './session.ts'

export interface LockoutOptions extends CommandOptions {
  readonly reason: string
  /** A duration, or a time with its zone. */
  readonly until: string
}

/** `holdfast lockout set ACTUATOR` */
export async function setLockout(
  actuator: string,
  options: LockoutOptions,
  around: Surroundings,
): Promise<number> {
  const { reason, until } = options
  if (
    parseDuration(until) === undefined &&
    !/^[0-9-]{10}T[0-9:.]{5,}(Z|[+-][0-9]{2}:[0-9]{2})$/.test(until)
  ) {
    return misused(
      `--until ${until}: expected a duration such as 8h, or a time with its zone such as 2026-01-31T18:00:00+01:00`,
      around,
    )
  }
  return await signed(
    actuator,
    options,
    around,
    client => client.lockOut(actuator, reason, until),
    body =>
      `${actuator}: ${describeLockout(body as unknown as LockoutView)}\nNothing was moved. Mind: ${body.detail}.\n`,
  )
}

export interface UnlockOptions extends CommandOptions {
  /** Whose lockout; one's own unless given. */
  readonly of?: string
}

/** `holdfast lockout remove ACTUATOR` */
export async function removeLockout(
  actuator: string,
  options: UnlockOptions,
  around: Surroundings,
): Promise<number> {
  return await signed(
    actuator,
    options,
    around,
    client => client.unlock(actuator, options.of, options.reason),
    body => {
      const { subject } = body.ended as unknown as LockoutView
      const left = body.locked_out as unknown as LockoutView[]
      return [
        `${actuator}: the lockout by ${subject} is ended. Nothing was moved.`,
        ...left.map(lockout => `still ${describeLockout(lockout)}`),
        '',
      ].join('\n')
    },
  )
}
