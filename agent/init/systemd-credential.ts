import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { Millis } from '../../model/time.ts'
import { KEY_CREDENTIAL } from './first-config.ts'
import { writeOnce } from './new-file.ts'
import type { HostUser } from './place.ts'

const STORE = `/etc/credstore.encrypted/${KEY_CREDENTIAL}`
const DROP_IN = '/etc/systemd/system/holdfast.service.d/master-key.conf'
const DEADLINE: Millis = 60_000

/** Nothing of ours is these programs' business. */
const ISOLATED = {
  reject: false,
  timeout: DEADLINE,
  extendEnv: false,
  env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
} as const

/** The files that keep a master key with systemd: the key, encrypted for this host, and what gives it to the service. */
export const CREDENTIAL_FILES = [STORE, DROP_IN] as const

/**
 * Has systemd encrypt a new master key, and gives it to the service. What is there already stays. `text` is the key as a file has it.
 * Returns what was written, or why it could not be, in words.
 */
export async function keepWithSystemd(text: string): Promise<readonly string[] | string> {
  const written: string[] = []
  if (!(await exists(STORE))) {
    await mkdir(dirname(STORE), { recursive: true, mode: 0o700 })
    const encrypted = await execa('systemd-creds', ['encrypt', `--name=${KEY_CREDENTIAL}`, '-', '-'], {
      ...ISOLATED,
      input: text,
    })
    if (encrypted.failed) return `systemd-creds cannot encrypt the key: ${saidBy(encrypted.stderr)}`
    if ((await writeOnce(STORE, `${encrypted.stdout}\n`, { mode: 0o600 })) === 'written') written.push(STORE)
  }
  await mkdir(dirname(DROP_IN), { recursive: true, mode: 0o755 })
  const unit = `# Written by holdfast init: the master key, which systemd decrypts for this service alone.\n[Service]\nLoadCredentialEncrypted=${KEY_CREDENTIAL}:${STORE}\n`
  if ((await writeOnce(DROP_IN, unit, { mode: 0o644 })) === 'written') written.push(DROP_IN)
  const reloaded = await execa('systemctl', ['daemon-reload'], { ...ISOLATED, stdin: 'ignore' })
  return reloaded.failed ? `systemctl daemon-reload: ${saidBy(reloaded.stderr)}` : written
}

/** The credential as the service will have it: in a folder in memory, for its user alone, until it is disposed of. */
export interface OpenedCredential extends AsyncDisposable {
  readonly directory: string
}

/** Has systemd decrypt the key for the time of an enrolment. Returns why not, in words. */
export async function openCredential(owner: HostUser | undefined): Promise<OpenedCredential | string> {
  // Always in memory: the key is not to touch the disk.
  const directory = await mkdtemp('/run/holdfast-init-')
  const opened = {
    directory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
  const decrypted = await execa('systemd-creds', ['decrypt', `--name=${KEY_CREDENTIAL}`, STORE, '-'], {
    ...ISOLATED,
    stdin: 'ignore',
  })
  if (decrypted.failed) {
    await opened[Symbol.asyncDispose]()
    return `systemd-creds cannot decrypt ${STORE}: ${saidBy(decrypted.stderr)}`
  }
  await using file = await open(join(directory, KEY_CREDENTIAL), 'wx', 0o400)
  await file.writeFile(decrypted.stdout)
  await using folder = await open(directory, 'r')
  if (owner) {
    await file.chown(owner.uid, owner.gid)
    await folder.chown(owner.uid, owner.gid)
  }
  return opened
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

function saidBy(stderr: string): string {
  return stderr.trim().split('\n').at(-1) ?? 'it says nothing'
}
