import { access, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Entropy } from '../../../model/time.ts'
import { hmacSha256 } from '../chain.ts'
import { type EnvelopeContext, EnvelopeKey } from '../envelope.ts'
import { readEnvelopeFile, writeEnvelopeFile } from '../envelope-file.ts'
import type { MasterKey } from '../master-key.ts'
import { formatSheet, newCode, type SheetOwner } from './sheet.ts'

/**
 * The sealed emergency key: a key of its own, in an envelope that opens with the code on a paper sheet and with nothing
 * on this machine. It needs no TPM, because a TPM that is gone is the emergency that it is for.
 */

const KEY_BYTES = 32
/** Emergency credentials hang on a generation that no master key ever has. */
export const BREAK_GLASS_GENERATION = 0

/** Seals a new emergency key, in place of an older one, and returns the line for the sheet. It is told once. */
export async function sealBreakGlass(path: string, owner: SheetOwner, entropy: Entropy): Promise<string> {
  const code = newCode(entropy)
  const key = Buffer.from(entropy(KEY_BYTES))
  try {
    using kek = await keyOf(code, owner)
    await writeEnvelopeFile(path, key, kek, entropy)
    return formatSheet(code, owner)
  } finally {
    code.fill(0)
    key.fill(0)
  }
}

export type OpenedSeal =
  /** Whoever gets the key wipes it. */
  | { readonly kind: 'opened'; readonly key: Uint8Array }
  | { readonly kind: 'refused'; readonly detail: string }

/** Opens the envelope with the sheet's code. `user` is `process.getuid()`. The envelope stays as it is. */
export async function openBreakGlass(
  path: string,
  code: Uint8Array,
  owner: SheetOwner,
  user: number,
): Promise<OpenedSeal> {
  using kek = await keyOf(code, owner)
  const opened = await readEnvelopeFile(path, kek, user)
  switch (opened.kind) {
    case 'opened':
      return { kind: 'opened', key: opened.secret }
    case 'refused':
      return {
        kind: 'refused',
        detail:
          'this is not the code of the key that is sealed here: is it the newest sheet of this gateway?',
      }
    case 'fault':
      return {
        kind: 'refused',
        detail:
          opened.cause === 'missing'
            ? `nothing is sealed in ${path}: it was used, or never made`
            : `${path} is not to be trusted (${opened.cause}): it must be a file of mode 0600 in a directory that only its owner can write`,
      }
  }
}

/** Whether an emergency key waits in its envelope. */
export async function isSealed(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** Ends the single use of an envelope; durable when it resolves. */
export async function removeSeal(path: string): Promise<void> {
  await rm(path, { force: true })
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}

/** The code takes the place that the master key has for every other envelope. */
async function keyOf(code: Uint8Array, owner: SheetOwner): Promise<EnvelopeKey> {
  const { environment, gateway } = owner
  const context: EnvelopeContext = { purpose: 'break-glass', environment, gateway }
  const master: MasterKey = {
    generation: BREAK_GLASS_GENERATION,
    description: 'the code on the sheet',
    hmac: async message => ({ kind: 'mac', mac: hmacSha256(code, message) }),
  }
  const key = await EnvelopeKey.derive(master, context, new AbortController().signal)
  if (key.kind === 'unavailable') throw new TypeError('a code is always available')
  return key
}
