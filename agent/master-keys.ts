import type { Config } from './config/config.ts'
import type { Generation } from './credential/epoch-keys.ts'
import { FileMasterKey } from './credential/file/master-key.ts'
import { SealedFileMasterKey, type SealedFileOptions } from './credential/file/sealed-master-key.ts'
import type { MasterKey } from './credential/master-key.ts'
import { SystemdMasterKey } from './credential/systemd/master-key.ts'
import { KeyFiles } from './credential/tpm/key-files.ts'
import { openTpmMasterKey } from './credential/tpm/master-key.ts'
import { VaultMasterKey } from './credential/vault/master-key.ts'

/** What the sources of master keys need to know of this process. */
export interface KeySurroundings {
  readonly user: number
  /** CREDENTIALS_DIRECTORY, as systemd sets it (systemd.exec(5)). */
  readonly credentialsDirectory: string | undefined
}

/** What the agent needs to know of its process besides. */
export interface Surroundings extends KeySurroundings {
  /** JOURNAL_STREAM, as systemd sets it (systemd.exec(5)). */
  readonly journalStream?: string | undefined
}

export interface OpenedMasterKeys {
  /** Oldest first. Where nothing is enrolled there is one that says so when it is asked. */
  readonly generations: readonly [Generation, ...Generation[]]
  /** What should be said at every start. */
  readonly warnings: readonly string[]
}

/** Opens the master key of a configuration, in every generation that is still good. Asks it nothing. */
export async function openMasterKeys(config: Config, around: KeySurroundings): Promise<OpenedMasterKeys> {
  const { masterKey } = config
  const only = (master: MasterKey, warnings: readonly string[]): OpenedMasterKeys => ({
    generations: [{ master, retiresAt: undefined }],
    warnings,
  })
  switch (masterKey.source) {
    case 'tpm':
      return { generations: await openTpmGenerations(config, masterKey.tcti), warnings: [] }
    case 'file': {
      const sealed = sealedFileOf(config, around)
      const key = sealed
        ? new SealedFileMasterKey(sealed)
        : new FileMasterKey({ ...masterKey, user: around.user })
      return only(key, key.warnings)
    }
    case 'systemd-credential': {
      const { credential, generation } = masterKey
      const key = new SystemdMasterKey({
        directory: around.credentialsDirectory,
        name: credential,
        generation,
        user: around.user,
      })
      return only(key, key.warnings)
    }
    case 'vault': {
      const { namespace, ...settings } = masterKey
      const key = new VaultMasterKey({ ...settings, ...(namespace ? { namespace } : {}), user: around.user })
      return only(key, key.warnings)
    }
  }
}

/** The sealed key file of a configuration, where it has one. */
export function sealedFileOf(
  { masterKey, environment, gateway }: Config,
  { credentialsDirectory, user }: KeySurroundings,
): SealedFileOptions | undefined {
  if (masterKey.source !== 'file' || masterKey.sealedUnder === undefined) return undefined
  const { path, generation, sealedUnder } = masterKey
  const under = new SystemdMasterKey({ directory: credentialsDirectory, name: sealedUnder, generation, user })
  return { path, generation, user, environment, gateway, under }
}

async function openTpmGenerations(config: Config, tcti: string): Promise<[Generation, ...Generation[]]> {
  const { stateDir } = config
  const files = new KeyFiles(stateDir)
  const opened: { master: MasterKey; since: number | undefined }[] = []
  for (const generation of await files.generations()) {
    const record = await files.read(generation)
    const since = typeof record === 'object' ? Date.parse(record.enrolledAt) : undefined
    opened.push({ master: await openTpmMasterKey({ tcti, stateDir, generation }), since })
  }
  // A generation is good until the grace after the next one's making is over.
  const generations = opened.map(({ master, since }, index): Generation => {
    const next = opened[index + 1]?.since
    return { master, since, retiresAt: next === undefined ? undefined : next + config.credentials.grace }
  })
  const [first = { master: await openTpmMasterKey({ tcti, stateDir }), retiresAt: undefined }, ...rest] =
    generations
  return [first, ...rest]
}
