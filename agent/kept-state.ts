import { type Kept, latchFile } from '../failsafe/latch.ts'
import { type KeptFile, NewerKept } from '../keep/kept-file.ts'
import type { UnixMs } from '../model/time.ts'
import type { Config } from './config/config.ts'
import { Revocations, revocationFile } from './credential/revocations.ts'
import { floorPath, latchPath, revocationPath } from './paths.ts'
import { StartFailure } from './start-failure.ts'
import { floorFile, KeptClock } from './time/kept-clock.ts'
import { systemClock } from './time/system-clock.ts'

/** What an earlier run left, apart from the audit log. */
export interface KeptState {
  readonly failsafe: Kept | undefined
  readonly revocations: Revocations
  readonly clock: KeptClock
  readonly floor: KeptFile<{ floor: UnixMs }>
  /** Why nobody knows any more what time it was last, where that is so. */
  readonly forgotten: string | undefined
}

/** Reads the small files of the state directory. Throws StartFailure where one must not be guessed at. */
export async function loadKeptState(config: Config): Promise<KeptState> {
  const failsafe = await loadKept(latchFile(latchPath(config)), 'what is tripped')
  for (const actuator of Object.keys(failsafe?.latches ?? {})) {
    if (config.actuators.has(actuator)) continue
    throw new StartFailure(
      `${actuator} is tripped, and the configuration has no such actuator: give it its name back and reset it, or look at the plant and take it out of ${latchPath(config)}`,
      'untrusted',
    )
  }
  const floor = floorFile(floorPath(config))
  const known = await loadIfReadable(floor)
  const isForgotten = known instanceof Error
  const revoked = revocationFile(revocationPath(config))
  const revocations = new Revocations(
    revoked,
    (await loadKept(revoked, 'what is revoked')) ?? [],
    config.credentials.epoch + config.credentials.grace,
  )
  return {
    failsafe,
    revocations,
    clock: new KeptClock(systemClock, isForgotten ? undefined : known?.floor),
    floor,
    forgotten: isForgotten ? `${floor.path} cannot be read: ${known.message}` : undefined,
  }
}

/** Reads a small state that must not be guessed at. */
export async function loadKept<State>(file: KeptFile<State>, what: string): Promise<State | undefined> {
  return await file.load().catch((error: Error) => {
    if (error instanceof NewerKept) throw anotherVersion(file, error)
    throw new StartFailure(
      `${file.path} cannot be read (${error.message}), so nobody knows ${what}; look at the plant, then move the file away`,
      'untrusted',
    )
  })
}

/**
 * Reads a small state that the agent can do without, and that it begins anew where it is gone: gives why it cannot be understood. Throws
 * StartFailure when a newer program wrote it, which must not be written over.
 */
export async function loadIfReadable<State>(file: KeptFile<State>): Promise<State | undefined | Error> {
  return await file.load().catch((error: Error) => {
    if (error instanceof NewerKept) throw anotherVersion(file, error)
    return error
  })
}

function anotherVersion({ path }: { readonly path: string }, { message }: NewerKept): StartFailure {
  return new StartFailure(`${path} cannot be used: ${message}. Install that one again`, 'version')
}
