import { error, type Finding, ok, warning } from './finding.ts'

/** The oldest kernel that holdfast is made for. */
const OLDEST = [5, 4] as const
/** The first systemd that knows every line of our unit: NoExecPaths= and PrivateIPC= came with it. */
const SYSTEMD_OLDEST = 248

/** `release` is what uname(2) says: `6.1.0-18-amd64`. */
export function checkKernel(release: string): Finding[] {
  const [, major, minor] = /^([0-9]+)\.([0-9]+)/.exec(release) ?? []
  const isKnown = major !== undefined && minor !== undefined
  if (!isKnown)
    return [
      warning(`the kernel's version cannot be read: ${release}`, 'uname -r; it takes Linux 5.4 or later'),
    ]
  const isYoung = Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1])
  return isYoung
    ? [ok(`Linux ${release}`)]
    : [
        error(
          `Linux ${release}: holdfast is made for 5.4 or later`,
          'upgrade this host, such as to Debian 12',
        ),
      ]
}

/** `said` is the first line of `systemctl --version`; undefined where there is no such program. */
export function checkSystemd(said: string | undefined): Finding[] {
  const [, digits] = /^systemd ([0-9]+)/.exec(said ?? '') ?? []
  if (digits === undefined)
    return [
      warning(
        'there is no systemd on this host',
        'run the agent under another service manager: it does without',
      ),
    ]
  const version = Number(digits)
  return version >= SYSTEMD_OLDEST
    ? [ok(`systemd ${version}`)]
    : [
        warning(
          `systemd ${version} does not know every line of the unit: a part of its sandbox is not there`,
          'systemd 248 or later has all of it; systemd-analyze security holdfast shows what is missing',
        ),
      ]
}
