import { randomBytes } from 'node:crypto'
import { Refusal } from '../../model/refusal.ts'
import { formatDuration } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import type { Config } from '../config/config.ts'
import { EpochKeys } from '../credential/epoch-keys.ts'
import { Mint, type Minted } from '../credential/mint.ts'
import { type KeySurroundings, openMasterKeys } from '../master-keys.ts'
import { floorPath } from '../paths.ts'
import { floorFile, KeptClock } from '../time/kept-clock.ts'
import { systemClock } from '../time/system-clock.ts'

/**
 * Issues a gateway's first credential, before there is an agent that could: for an admin, for as long as the configuration lets one
 * last. Whoever calls this holds the state and can use the master key already. Returns why not, in words.
 */
export async function issueFirstCredential(
  config: Config,
  log: AuditLog,
  around: KeySurroundings,
  subject: string,
): Promise<Minted | string> {
  const floor = await floorFile(floorPath(config)).load()
  const clock = new KeptClock(systemClock, floor?.floor)
  if (clock.trouble !== undefined)
    return `nobody could say until when a credential is good: ${clock.trouble}; set the clock, then again`
  const { environment, gateway, credentials, masterKey } = config
  const { generations } = await openMasterKeys(config, around)
  const keys = new EpochKeys(generations, { environment, gateway, ...credentials }, clock)
  await keys.refresh(masterKey.timeout, 'current')
  if (keys.trouble) return `${keys.trouble.detail}\n${keys.trouble.remedy}`
  const lifetime = credentials.lifetimeMax
  const mint = new Mint(keys, { environment, gateway, lifetimeMax: lifetime }, clock, randomBytes)
  const minted = mint.issue({ subject, role: 'admin', caveats: [], lifetime })
  keys.wipe()
  if (minted instanceof Refusal) return `${minted.detail}: ${minted.remedy}`
  const appended = await log.append({
    kind: 'credential-issued',
    subject,
    role: 'admin',
    credential: minted.serial,
    keyid: minted.keyid,
    lifetime: formatDuration(lifetime),
    issuer: 'init',
    channel: 'init',
    source: 'local',
    identity: `user ${around.user}`,
    outcome: 'accepted',
  })
  return appended.kind === 'durable' ? minted : `no record, no credential: ${appended.detail}`
}
