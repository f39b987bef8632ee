import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { certificatesOf } from '../doctor/certificates.ts'
import type { GuardedPath } from '../doctor/permissions.ts'
import {
  auditPath,
  cursorPath,
  floorPath,
  latchPath,
  lockoutPath,
  openGlassPath,
  revocationPath,
  sealedGlassPath,
  vkeyPath,
} from '../paths.ts'
import type { Subject } from './doctor-subject.ts'

/** Every file and folder of a gateway whose owner and mode matter. */
export async function guardedPathsOf({ file, config, agent }: Subject): Promise<GuardedPath[]> {
  const { stateDir, masterKey } = config
  const own = (path: string, what: string, modeMax: number, needed = false): GuardedPath => ({
    path,
    what,
    modeMax,
    owners: [agent.uid],
    rootMayOwn: false,
    needed,
  })
  const read = (path: string, what: string, modeMax: number): GuardedPath => ({
    ...own(path, what, modeMax),
    rootMayOwn: true,
  })
  const log = auditPath(config)
  const keys = join(stateDir, 'master-key')
  return [
    read(file, 'the configuration', 0o644),
    read(dirname(file), 'its folder', 0o755),
    own(stateDir, 'the state directory', 0o700, true),
    ...[log, `${log}-wal`, `${log}-shm`].map(path => own(path, 'the audit log', 0o600)),
    own(vkeyPath(config), 'the public key', 0o644),
    ...[latchPath, lockoutPath, revocationPath, floorPath, cursorPath, sealedGlassPath].map(pathOf =>
      read(pathOf(config), 'what is kept', 0o600),
    ),
    read(openGlassPath(config), "the sheet's code", 0o640),
    own(keys, "the key's folder", 0o700),
    ...(await filesIn(keys, '.json')).map(path => own(path, "the key's file", 0o600)),
    ...(masterKey.source === 'file' ? [read(masterKey.path, 'the key file', 0o600)] : []),
    ...(masterKey.source === 'vault' ? [read(masterKey.tokenFile, 'the token', 0o600)] : []),
    ...certificatesOf(config).flatMap(({ key }) => (key === undefined ? [] : [read(key, 'the key', 0o640)])),
  ]
}

/** Credentials that lie about beside the configuration or in the state: whoever can read one can use it. */
export async function credentialFilesOf({ file, config }: Subject): Promise<string[]> {
  return [
    ...(await filesIn(dirname(file), '.credential')),
    ...(await filesIn(config.stateDir, '.credential')),
  ]
}

async function filesIn(folder: string, end: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter(name => name.endsWith(end)).map(name => join(folder, name))
}
