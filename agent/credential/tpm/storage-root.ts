import { RC_NO_SUCH_HANDLE } from './fault.ts'
import type { ToolAnswer, ToolFailure } from './tool.ts'
import type { Turn } from './turn.ts'

/** Where a storage root key is kept by convention (TCG TPM v2.0 Provisioning Guidance, 7.8). */
export const PERSISTENT_ROOT = '0x81000001'

/**
 * The attributes of the TCG's storage root template. tpm2-tools leave `noda` out by default; without it nothing under the root
 * can be used while the TPM is in dictionary-attack lock-out.
 */
const ATTRIBUTES = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'

export type StorageRoot = { readonly kind: 'root'; readonly handle: string; readonly persistent: boolean }

/** Finds the TPM's storage root key, or makes it and, where the TPM allows that, makes it persistent. For enrolment. */
export async function provideStorageRoot(turn: Turn): Promise<StorageRoot | ToolFailure> {
  const found = await turn.run('tpm2_readpublic', ['--quiet', '-c', PERSISTENT_ROOT])
  if (found.kind === 'done') return { kind: 'root', handle: PERSISTENT_ROOT, persistent: true }
  if (found.code !== RC_NO_SUCH_HANDLE) return found
  const made = await createStorageRoot(turn)
  if (made.kind === 'failed') return made
  const persisted = await turn.run('tpm2_evictcontrol', [
    '--quiet',
    '-C',
    'o',
    '-c',
    made.handle,
    PERSISTENT_ROOT,
  ])
  return persisted.kind === 'done' ? { kind: 'root', handle: PERSISTENT_ROOT, persistent: true } : made
}

/** Loads something under the storage root: under the persistent one, or else under one that is made again from the same seed. */
export async function underStorageRoot(
  turn: Turn,
  load: (root: string) => Promise<ToolAnswer>,
): Promise<ToolAnswer> {
  const loaded = await load(PERSISTENT_ROOT)
  if (loaded.kind === 'done' || loaded.code !== RC_NO_SUCH_HANDLE) return loaded
  const made = await createStorageRoot(turn)
  return made.kind === 'failed' ? made : await load(made.handle)
}

/** The same template always gives the same key, until the TPM is cleared. */
async function createStorageRoot(turn: Turn): Promise<StorageRoot | ToolFailure> {
  const context = turn.work.path('root.context')
  const made = await turn.run('tpm2_createprimary', [
    '--quiet',
    ...['-C', 'o', '-g', 'sha256', '-G', 'ecc256:aes128cfb', '-a', ATTRIBUTES, '-c', context],
  ])
  return made.kind === 'failed' ? made : { kind: 'root', handle: context, persistent: false }
}
