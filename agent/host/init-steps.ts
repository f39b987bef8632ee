import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { readCredentialFile } from '../../client/credential-file.ts'
import type { Config } from '../config/config.ts'
import { NewFile, writeOnce } from '../init/new-file.ts'
import type { CredentialOutcome, KeyOutcome, ProbeOutcome } from '../init/outcome.ts'
import type { Place } from '../init/place.ts'
import type { Answers } from '../init/questions.ts'
import { keepWithSystemd, openCredential } from '../init/systemd-credential.ts'
import { auditPath } from '../paths.ts'
import type { BeginOrder, Begun } from './begin-state.ts'
import { probePoints } from './probe.ts'

/** Why it cannot be done on this host, with what to do next. */
export class InitFailure extends Error {
  override readonly name = 'InitFailure'
}

export interface Wanted {
  readonly place: Place
  readonly config: Config
  readonly text: string
  readonly answers: Answers
  /** The file of the first credential. */
  readonly credential: string
}

export interface Made {
  readonly files: readonly string[]
  readonly key: KeyOutcome
  readonly credential: CredentialOutcome
}

/** Reads what the devices of a configuration show. Writes nothing to them. */
export async function tryDevices(config: Config): Promise<ProbeOutcome> {
  const { points } = await probePoints(config)
  const lines = points.map(({ name, role, device, point, quality, value, means }) =>
    quality === 'good'
      ? `${name} ${role} (${device}, ${point}): ${value}, ${means}`
      : `${name} ${role} (${device}, ${point}): ${means}`,
  )
  return { reached: points.some(({ quality }) => quality === 'good'), lines }
}

/**
 * Makes everything that is not there yet, in an order in which it can be interrupted anywhere and begun again. Rejects with InitFailure,
 * or with what the file system says.
 */
export async function makePlace(
  wanted: Wanted,
  begin: (order: BeginOrder, signal: AbortSignal) => Promise<Begun>,
  signal: AbortSignal,
): Promise<Made> {
  const { place, config, text, answers } = wanted
  const { owner } = place
  await makeFolders(place)
  const files = await makeKeyFile(config, place)
  if (text !== '') {
    await writeOnce(place.config, text, { mode: 0o640, owner: owner && { uid: 0, gid: owner.gid } })
  }
  const held = await readCredentialFile(wanted.credential)
  const isThere = typeof held !== 'string' || (await isFile(wanted.credential))
  // Its place is made sure of first: a credential that was issued and cannot be kept is lost.
  await using file = isThere ? undefined : await NewFile.begin(wanted.credential, { mode: 0o600 })
  await using opened =
    config.masterKey.source === 'systemd-credential' ? must(await openCredential(owner)) : undefined
  const begun = await begin(
    {
      config: place.config,
      escrow: answers.escrow === 'none' ? undefined : answers.escrow,
      admin: isThere ? undefined : answers.admin,
      credentialsDirectory: opened?.directory,
    },
    signal,
  )
  if (begun.kind === 'failed') throw new InitFailure(begun.detail)
  return {
    files,
    key: keyOutcome(config, begun),
    credential: await credentialOutcome(wanted, begun, file, typeof held === 'string' ? held : undefined),
  }
}

/** Root's folders become the agent's while they are empty. What somebody has filled is theirs to give away. */
async function makeFolders({ config, stateDir, isPackaged, owner }: Place): Promise<void> {
  await mkdir(dirname(config), { recursive: true, mode: isPackaged ? 0o755 : 0o700 })
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  if (owner === undefined || (await stat(stateDir)).uid === owner.uid) return
  if ((await readdir(stateDir)).length > 0)
    throw new InitFailure(
      `${stateDir} is not empty and does not belong to ${owner.name}, as whom the agent runs\nLook at what is in it, then: chown -R ${owner.name}: ${stateDir}`,
    )
  await chown(stateDir, owner.uid, owner.gid)
  await chmod(stateDir, 0o700)
}

/** Where the key lies in a file, or with systemd, it is made here. One that an enrolment has used is never made again. */
async function makeKeyFile(config: Config, { owner }: Place): Promise<readonly string[]> {
  const { masterKey } = config
  const isBegun = await isFile(auditPath(config))
  const text = `${randomBytes(32).toString('hex')}\n`
  switch (masterKey.source) {
    case 'file': {
      if (isBegun || masterKey.sealedUnder !== undefined) return []
      const state = await writeOnce(masterKey.path, text, { mode: 0o600, owner })
      return state === 'written' ? [masterKey.path] : []
    }
    case 'systemd-credential':
      return isBegun ? [] : must(await keepWithSystemd(text))
    case 'tpm':
    case 'vault':
      return []
  }
}

function keyOutcome(
  { masterKey: { source } }: Config,
  begun: Exclude<Begun, { kind: 'failed' }>,
): KeyOutcome {
  const kept = { source, description: undefined, notes: [], shares: [] }
  if (begun.kind === 'busy') return { ...kept, state: 'busy' }
  const { enrolment } = begun
  if (enrolment.kind === 'kept') return { ...kept, state: 'kept' }
  const { description, notes, shares } = enrolment
  return { source, state: 'made', description, notes, shares }
}

async function credentialOutcome(
  { credential: path, answers: { admin: subject = '' }, place }: Wanted,
  begun: Exclude<Begun, { kind: 'failed' }>,
  file: NewFile | undefined,
  unreadable: string | undefined,
): Promise<CredentialOutcome> {
  const about = { file: path, subject }
  const issue = `holdfast credential issue --agent unix:${resolve(dirname(place.config), place.adminSocket)} --subject ${subject} --role admin --out ${path}`
  if (!file) {
    const detail = unreadable === undefined ? `holdfast credential show ${path}` : unreadable
    return { ...about, state: 'kept', detail }
  }
  if (begun.kind === 'busy') return { ...about, state: 'not-issued', detail: `ask the agent: ${issue}` }
  const { credential } = begun
  if (!credential || 'trouble' in credential) {
    return { ...about, state: 'not-issued', detail: credential?.trouble ?? 'nobody asked for one' }
  }
  const { keyid, secret, notAfter } = credential
  const state = await file.keep(`${JSON.stringify({ keyid, secret }, null, 2)}\n`)
  return {
    ...about,
    state,
    detail: `role admin, for ${subject}, until ${notAfter}; only its owner can read it`,
  }
}

function must<Result extends object>(result: Result | string): Result {
  if (typeof result === 'string')
    throw new InitFailure(`${result}\nMend that and run it again: it goes on from there.`)
  return result
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
