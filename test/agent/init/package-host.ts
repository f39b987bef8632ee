import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NAMESPACE } from '../small-disk.ts'

/** The number of the agent's user on such a host. */
export const AGENT = 54_321

/** Whatever is written to /etc, /var/lib and /run goes to the folder $1, and nobody else sees it. systemd is there, and asked nothing. */
const SCRIPT = `
  set -e
  for system in etc var/lib run; do
    name=$(basename "$system")
    mkdir -p "$1/$name" "$1/work/$name"
    mount -t overlay overlay -o "lowerdir=/$system,upperdir=$1/$name,workdir=$1/work/$name" "/$system"
  done
  mkdir -p /run/systemd/system
  mount --bind /bin/true /usr/bin/systemctl
  shift
  exec "$@"
`

/**
 * The words before a command's that run it on a gateway with the package: with a user `holdfast` (deploy/systemd/sysusers.conf), and folders
 * of the system that are its own. What it writes there is in `etc`, `lib` and `run` of `folder`.
 */
export function onPackageHost(folder: string): string[] {
  const etc = join(folder, 'etc')
  mkdirSync(etc, { recursive: true })
  const user = `holdfast:x:${AGENT}:${AGENT}:holdfast agent:/var/lib/holdfast:/usr/sbin/nologin\n`
  writeFileSync(join(etc, 'passwd'), `${readFileSync('/etc/passwd', 'utf8')}${user}`)
  writeFileSync(join(etc, 'group'), `${readFileSync('/etc/group', 'utf8')}holdfast:x:${AGENT}:\n`)
  return ['unshare', ...NAMESPACE, 'sh', '-c', SCRIPT, 'sh', folder]
}
