import type { MasterKeyUnavailable } from '../master-key.ts'
import { type KeyRefusal, type KeyTurnOptions, keyTurn, refusal } from './key-turn.ts'

export type RemovalAnswer =
  | {
      readonly kind: 'removed'
      readonly generation: number
      /** How many files went: the enrolment, and copies that recoveries kept. */
      readonly files: number
    }
  | KeyRefusal
  | MasterKeyUnavailable

/**
 * Removes a generation that another one has followed: its files are overwritten and unlinked. The TPM keeps no object of ours (they
 * are loaded for each use), so there is nothing to remove in it, and it need not be there. What this cannot reach: a backup of the
 * files, which this TPM would still load, blocks that a flash disk keeps, and escrow shares. Destroy those too.
 */
export async function removeGeneration(
  options: KeyTurnOptions & { readonly generation: number },
): Promise<RemovalAnswer> {
  const { generation } = options
  return await keyTurn(options, async (_turn, files): Promise<RemovalAnswer> => {
    const enrolled = await files.generations()
    if (!enrolled.includes(generation))
      return refusal(
        'not-enrolled',
        `no master key of generation ${generation} is enrolled`,
        'Nothing to do.',
      )
    if (generation === enrolled.at(-1))
      return refusal(
        'newest',
        `generation ${generation} is the newest: credentials are issued from it`,
        'Rotate to the next generation first.',
      )
    return { kind: 'removed', generation, files: await files.remove(generation) }
  })
}
