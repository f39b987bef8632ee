import { access } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { execa } from 'execa'
import { parseCaveat } from '../../model/caveat.ts'
import type { HostUser } from './place.ts'
import type { Known } from './questions.ts'

/** The user that the package's unit runs as (deploy/systemd/sysusers.conf). */
const AGENT_USER = 'holdfast'
/** The TPM through the kernel's resource manager. */
const TPM_DEVICE = '/dev/tpmrm0'
/** There only where systemd is the host's service manager (sd_booted(3)). */
const SYSTEMD = '/run/systemd/system'

/** The agent's user, where the package has made it. */
export async function findAgentUser(): Promise<HostUser | undefined> {
  const { stdout, failed } = await execa('getent', ['passwd', AGENT_USER], { reject: false, stdin: 'ignore' })
  const [name, , uid, gid] = stdout?.split(':') ?? []
  return failed || !name ? undefined : { name, uid: Number(uid), gid: Number(gid) }
}

/** What this host says of itself, before anybody is asked. `user` is who runs this. */
export async function lookAround(isPackaged: boolean, user: number): Promise<Known> {
  const login = loginName()
  const [hasTpm, isBooted] = await Promise.all([TPM_DEVICE, SYSTEMD].map(exists))
  return {
    hostname: hostname(),
    login: login !== undefined && parseCaveat(`sub=${login}`) ? login : undefined,
    hasTpm: hasTpm ?? false,
    hasCredentials: isPackaged && user === 0 && (isBooted ?? false),
    isPackaged,
  }
}

/** A user without an entry in passwd has no name. */
function loginName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
