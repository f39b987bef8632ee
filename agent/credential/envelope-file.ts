import { replaceFile } from '../../keep/whole-file.ts'
import type { Entropy } from '../../model/time.ts'
import {
  ENVELOPE_LENGTH_MAX,
  type EnvelopeKey,
  type OpenedEnvelope,
  openEnvelope,
  sealEnvelope,
} from './envelope.ts'
import { type GuardedFileFault, readGuardedFile } from './file/guarded-file.ts'

const OWNER_ONLY = 0o600

/** Seals a secret into a file of mode 0600. It is there entirely or not at all, also after a power cut. Rejects when the disk does not take it. */
export async function writeEnvelopeFile(
  path: string,
  secret: Uint8Array,
  kek: EnvelopeKey,
  entropy: Entropy,
): Promise<void> {
  await replaceFile(path, sealEnvelope(secret, kek, entropy), OWNER_ONLY)
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
