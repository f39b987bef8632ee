import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { startTpm } from '../../../simulator/tpm.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { HOLDFAST } from '../gateway.ts'
import { noSmallDisk } from '../small-disk.ts'
import { AGENT, onPackageHost } from './package-host.ts'

const skip =
  process.getuid?.() === 0
    ? noSmallDisk()
    : 'files of another user take root: run the tests as root to have these'

const INIT = ['init', '--yes', '--environment', 'north-works', '--admin', 'kim']

/** A gateway with the package, and one command after another on it. */
async function packageHost() {
  const folder = await temporaryFolder()
  // The agent's user has to get there.
  await chmod(folder.path, 0o755)
  const host = join(folder.path, 'host')
  // As /root is: nobody else may enter it.
  const home = join(folder.path, 'home')
  await mkdir(home, { mode: 0o700 })
  const words = onPackageHost(host)
  return {
    path: folder.path,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    run: async (...more: string[]) => {
      const [file = '', ...rest] = [...words, HOLDFAST, ...more]
      const { exitCode, stdout, stderr } = await execa(file, rest, {
        reject: false,
        cwd: home,
        stdin: 'ignore',
      })
      return { exitCode, stdout, stderr }
    },
    /** `owner group mode` of a file, as it lies in the folder. */
    of: async (path: string) => {
      const { uid, gid, mode } = await stat(join(host, path))
      return `${uid} ${gid} ${(mode & 0o777).toString(8)}`
    },
  }
}

test('on a host with the package, root’s init leaves each file to whom the service needs it to belong', {
  skip,
}, async () => {
  await using host = await packageHost()
  const first = await host.run(...INIT, '--key', 'file')
  assert.equal(first.exitCode, 0, first.stderr)
  assert.equal(await host.of('etc/holdfast/holdfast.yaml'), `0 ${AGENT} 640`)
  assert.equal(await host.of('etc/holdfast/master.key'), `${AGENT} ${AGENT} 600`)
  assert.equal(await host.of('lib/holdfast'), `${AGENT} ${AGENT} 700`)
  assert.equal(await host.of('lib/holdfast/audit.db'), `${AGENT} ${AGENT} 600`)
  assert.equal(await host.of('../home/kim.credential'), '0 0 600')
  assert.match(
    first.stdout,
    /Next:\n {2}.*\/etc\/holdfast\/holdfast\.yaml.*\n.*holdfast check\n {2}systemctl restart holdfast/,
  )
  const looked = await host.run('doctor', '--json')
  const { findings } = JSON.parse(looked.stdout) as {
    findings: { check: string; level: string; text: string }[]
  }
  const errors = findings.filter(({ level, check }) => level === 'error' && check !== 'unit')
  assert.deepEqual(errors, [])
})

test('the master key of such a host in a TPM is the agent’s own', { skip }, async () => {
  await using host = await packageHost()
  await using tpm = await startTpm({ dir: join(host.path, 'tpm') })
  const socket = tpm.tcti.replace('swtpm:path=', '')
  for (const path of [socket, `${socket}.ctrl`]) await chmod(path, 0o666)
  await chmod(dirname(socket), 0o755)
  const { exitCode, stderr } = await host.run(...INIT, '--tcti', tpm.tcti)
  assert.equal(exitCode, 0, stderr)
  assert.equal(await host.of('lib/holdfast/master-key/generation-1.json'), `${AGENT} ${AGENT} 600`)
})

test('a key that systemd keeps is encrypted on the disk, given to the service, and found again', {
  skip,
}, async () => {
  await using host = await packageHost()
  const first = await host.run(...INIT, '--key', 'systemd-credential', '--json')
  assert.equal(first.exitCode, 0, first.stderr + first.stdout)
  const { files } = JSON.parse(first.stdout) as { files: string[] }
  const [store = '', dropIn = ''] = files
  assert.equal(await host.of(store), '0 0 600')
  assert.doesNotMatch(await readFile(join(host.path, 'host', store), 'latin1'), /^[0-9a-f]{64}/m)
  assert.match(
    await readFile(join(host.path, 'host', dropIn), 'utf8'),
    /^LoadCredentialEncrypted=holdfast-master-key:\/etc\/credstore\.encrypted\/holdfast-master-key$/m,
  )
  // What it was decrypted to for the enrolment is gone.
  const { stdout: left } = await execa('find', [join(host.path, 'host', 'run'), '-name', 'holdfast-init-*'])
  assert.equal(left, '')
  const again = await host.run(...INIT, '--json')
  assert.equal(again.exitCode, 0, again.stderr)
  const told = JSON.parse(again.stdout) as Record<'master_key' | 'credential', { state: string }>
  assert.deepEqual([told.master_key.state, told.credential.state], ['kept', 'kept'])
})

test('a state directory that somebody else has filled is not taken over', { skip }, async () => {
  await using host = await packageHost()
  await mkdir(join(host.path, 'host', 'lib', 'holdfast'), { recursive: true })
  await writeFile(join(host.path, 'host', 'lib', 'holdfast', 'theirs'), '')
  const { exitCode, stderr } = await host.run(...INIT, '--key', 'file')
  assert.equal(exitCode, 6)
  assert.match(stderr, /is not empty and does not belong to holdfast.*\n.*chown -R holdfast: /)
})
