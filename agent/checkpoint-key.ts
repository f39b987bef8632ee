import { readFile } from 'node:fs/promises'
import { replaceFile } from '../keep/whole-file.ts'
import type { NoteSigner } from './audit/note.ts'
import { formatVkey, signerFrom, verifierOf } from './audit/note.ts'
import type { Config } from './config/config.ts'
import { checkpointSeedMessage } from './credential/chain.ts'
import type { MasterKey, MasterKeyUnavailable } from './credential/master-key.ts'
import { logName, vkeyPath } from './paths.ts'

/** Derives the key that signs audit checkpoints from a master key. */
export async function deriveCheckpointKey(
  config: Config,
  master: MasterKey,
): Promise<{ readonly kind: 'signer'; readonly signer: NoteSigner } | MasterKeyUnavailable> {
  const { environment, gateway } = config
  const message = checkpointSeedMessage({ environment, gateway, generation: master.generation })
  const answer = await master.hmac(message, AbortSignal.timeout(config.masterKey.timeout))
  if (answer.kind === 'unavailable') return answer
  const signer = signerFrom(logName(config), answer.mac)
  answer.mac.fill(0)
  return { kind: 'signer', signer }
}

/**
 * Writes the public key beside the log, below those of earlier generations: without them nobody can tell an old checkpoint from a forged
 * one. Nothing in that file is secret. Rejects when it cannot be read or written; then it stands as it was.
 */
export async function publishCheckpointKey(config: Config, signer: NoteSigner): Promise<string> {
  const path = vkeyPath(config)
  const vkey = formatVkey(verifierOf(signer))
  const known = (await readFile(path, 'utf8').catch(ignoreMissing)) ?? ''
  const lines = known.split('\n').filter(line => line !== '')
  if (!lines.includes(vkey)) await replaceFile(path, `${[...lines, vkey].join('\n')}\n`, 0o644)
  return vkey
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
