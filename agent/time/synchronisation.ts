import { access } from 'node:fs/promises'
import { execa } from 'execa'
import type { Millis } from '../../model/time.ts'

const DEADLINE: Millis = 5000
/** systemd-timesyncd makes it when it has set the clock (systemd-timesyncd.service(8)). */
const TIMESYNCD_MARK = '/run/systemd/timesync/synchronized'

/**
 * Whether the operating system says that its clock is synchronised; undefined where it does not say. timedatectl passes on
 * what the kernel says (adjtimex(2), STA_UNSYNC), whichever program does the synchronising.
 */
export async function askSynchronised(): Promise<boolean | undefined> {
  const { stdout, failed } = await execa(
    'timedatectl',
    ['show', '--property=NTPSynchronized', '--value'],
    // Nothing of ours is its business.
    { reject: false, timeout: DEADLINE, stdin: 'ignore', extendEnv: false, env: { PATH: '/usr/bin:/bin' } },
  )
  if (!failed && stdout === 'yes') return true
  if (!failed && stdout === 'no') return false
  return await access(TIMESYNCD_MARK).then(
    () => true,
    () => undefined,
  )
}
