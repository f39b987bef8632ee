import type { Entropy } from '../../../model/time.ts'
import { joinShares, splitKey } from '../escrow/escrow.ts'
import type { Scheme } from '../escrow/scheme.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import type { KeyFiles } from './key-files.ts'
import { KEY_BYTES } from './key-object.ts'
import type { TpmMode } from './key-record.ts'
import { type KeyRefusal, type KeyTurnOptions, keyTurn, refusal } from './key-turn.ts'
import { placeKey } from './placement.ts'
import type { ToolFailure } from './tool.ts'
import type { Turn } from './turn.ts'

export interface EnrolmentOptions extends KeyTurnOptions {
  /** PCRs to bind the key to, `sha256:7`. */
  readonly pcrs: string
  /** `auto`, the default, is `resident` where the TPM can. */
  readonly mode?: 'auto' | TpmMode
  /** Asks for escrow shares. They name whose key it is. */
  readonly escrow?: Scheme & { readonly environment: string; readonly gateway: string }
  readonly entropy: Entropy
}

export type EnrolmentAnswer =
  | {
      readonly kind: 'enrolled'
      readonly mode: TpmMode
      readonly pcrs: string
      readonly generation: number
      /** The TPM's name for the key object, hexadecimal. */
      readonly name: string
      /** Which key it is, hexadecimal: it is in the shares too. */
      readonly keyId: string
      /** What the engineer should know of this host, in words. */
      readonly notes: readonly string[]
      /** The texts of the escrow shares, if they were asked for. They are here and nowhere else: show them once, log them never. */
      readonly shares: readonly string[]
    }
  | KeyRefusal
  | MasterKeyUnavailable

/** Makes a new master key from both sources of randomness (either alone would do) and enrols it as generation 1. */
export async function enrollTpm(options: EnrolmentOptions): Promise<EnrolmentAnswer> {
  return await keyTurn(options, async (turn, files) => {
    const newest = await files.newest()
    if (newest !== undefined)
      return refusal(
        'already-enrolled',
        `a master key (generation ${newest}) is enrolled already`,
        'Every credential hangs on it. To keep it, do nothing.',
      )
    return await enrolNew(options, turn, files, 1)
  })
}

/** Makes another new master key and enrols it as the next generation, beside those that there are. */
export async function addGeneration(options: EnrolmentOptions): Promise<EnrolmentAnswer> {
  return await keyTurn(options, async (turn, files) => {
    const newest = await files.newest()
    if (newest === undefined)
      return refusal('not-enrolled', 'no master key is enrolled that another could follow', 'Enrol first.')
    return await enrolNew(options, turn, files, newest + 1)
  })
}

async function enrolNew(
  options: EnrolmentOptions,
  turn: Turn,
  files: KeyFiles,
  generation: number,
): Promise<EnrolmentAnswer | ToolFailure> {
  const random = await turn.run('tpm2_getrandom', [String(KEY_BYTES)])
  if (random.kind === 'failed') return random
  const own = options.entropy(KEY_BYTES)
  const key = own.map((byte, index) => byte ^ (random.stdout[index] ?? 0))
  own.fill(0)
  random.stdout.fill(0)
  try {
    const { pcrs, mode = 'auto', clock } = options
    const placed = await placeKey(turn, { key, generation, pcrs, mode }, clock)
    if (placed.kind !== 'placed') return placed
    const shares = sharesOf(options, key, generation)
    await files.write(placed.record)
    const { name, keyId } = placed.record
    return {
      kind: 'enrolled',
      mode: placed.record.mode,
      pcrs,
      generation,
      name,
      keyId,
      notes: placed.notes,
      shares,
    }
  } finally {
    key.fill(0)
  }
}

/** The shares, which have been put together again once: afterwards nobody can. */
function sharesOf({ escrow, entropy }: EnrolmentOptions, key: Uint8Array, generation: number): string[] {
  if (!escrow) return []
  const of = { environment: escrow.environment, gateway: escrow.gateway, generation }
  const shares = splitKey({ key, ...escrow, of, entropy })
  const joined = joinShares(shares, of)
  if (joined.kind === 'refused') throw new Error(`the shares do not give the key back: ${joined.detail}`)
  const same = Buffer.from(key).equals(joined.key)
  joined.key.fill(0)
  if (!same) throw new Error('the shares do not give the key back')
  return shares
}
