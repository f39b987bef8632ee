import type { KeptFile } from '../keep/kept-file.ts'
import { StartFailure } from './start-failure.ts'

/** Reads a small state that must not be guessed at. */
export async function loadKept<State>(file: KeptFile<State>, what: string): Promise<State | undefined> {
  return await file.load().catch((error: Error) => {
    throw new StartFailure(
      `${file.path} cannot be read (${error.message}), so nobody knows ${what}; look at the plant, then move the file away`,
    )
  })
}
