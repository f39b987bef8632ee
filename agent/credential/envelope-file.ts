import { constants } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Entropy } from '../../model/time.ts'
import {
  ENVELOPE_LENGTH_MAX,
  type EnvelopeKey,
  type OpenedEnvelope,
  openEnvelope,
  sealEnvelope,
} from './envelope.ts'
import { type GuardedFileFault, readGuardedFile } from './file/guarded-file.ts'

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
const OWNER_ONLY = 0o600

/** Seals a secret into a file of mode 0600. It is there entirely or not at all, also after a power cut. Rejects when the disk does not take it. */
export async function writeEnvelopeFile(
  path: string,
  secret: Uint8Array,
  kek: EnvelopeKey,
  entropy: Entropy,
): Promise<void> {
  const envelope = sealEnvelope(secret, kek, entropy)
  const draft = `${path}.new`
  {
    await using file = await open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, OWNER_ONLY)
    // A draft that a crash left behind keeps the mode that it had.
    await file.chmod(OWNER_ONLY)
    await file.writeFile(envelope)
    await file.sync()
  }
  await rename(draft, path)
  await using directory = await open(dirname(path), 'r')
  await directory.sync()
}

/** Opens the secret in a file, if the file is guarded as `writeEnvelopeFile` left it. `user` is `process.getuid()`. */
export async function readEnvelopeFile(
  path: string,
  kek: EnvelopeKey,
  user: number,
): Promise<OpenedEnvelope | GuardedFileFault> {
  const read = await readGuardedFile(path, { user, modeMax: OWNER_ONLY, lengthMax: ENVELOPE_LENGTH_MAX })
  if (read.kind === 'fault') return read
  using envelope = read
  return openEnvelope(envelope.bytes, kek)
}
