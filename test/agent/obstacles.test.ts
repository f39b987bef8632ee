import assert from 'node:assert/strict'
import { chmodSync, chownSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import Database from 'better-sqlite3'
import { execa } from 'execa'
import { EXIT } from '../../model/exit.ts'
import { Gateway, HOLDFAST } from './gateway.ts'
import { NAMESPACE, noSmallDisk } from './small-disk.ts'

// Everything that keeps an agent from starting: what it says, and its exit status, by which systemd knows whether to try again.

let gateway: Gateway
let kept: string

const state = (name: string) => join(gateway.folder, 'state', name)

before(async () => {
  gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  await agent.kill('SIGTERM')
  kept = readFileSync(gateway.config, 'utf8')
})

after(async () => await gateway[Symbol.asyncDispose]())

/** Starts an agent that must not come up. Returns what it said; `inside` are the words of a command that becomes it. */
async function refused(status: number, inside: readonly string[] = []): Promise<string> {
  const [file = '', ...words] = [...inside, HOLDFAST, 'agent', '--config', gateway.config]
  const { exitCode, stderr } = await execa(file, words, { reject: false, stdin: 'ignore', timeout: 30_000 })
  assert.equal(exitCode, status, stderr)
  assert.doesNotMatch(stderr, /\bat .*:[0-9]+:[0-9]+\)?$/m)
  return stderr
}

test('no two obstacles share an exit status, and none of them is one that a shell or systemd gives a meaning', () => {
  const statuses = Object.values(EXIT)
  assert.equal(new Set(statuses).size, statuses.length)
  for (const status of statuses as number[]) assert.ok(status < 64 && status !== 7, `${status}`)
})

test('a port that is taken', async () => {
  const running = await gateway.startAgent()
  await using second = await Gateway.start({
    enrolled: false,
    settings: [[['listeners', 0, 'tcp'], running.address.replace('http://', '')]],
  })
  const { exitCode, stderr } = await second.holdfast('agent', '--config', second.config)
  await running.kill('SIGTERM')
  assert.equal(exitCode, EXIT.address)
  assert.match(stderr, /plant-lan: cannot listen on 127\.0\.0\.1:[0-9]+: .*EADDRINUSE/)
})

test('another agent that uses the same state', async () => {
  const running = await gateway.startAgent()
  assert.match(await refused(EXIT.blocked), /another holdfast process uses .*state; stop it first/)
  await running.kill('SIGTERM')
})

test('a configuration with a mistake, and one that cannot be read', async () => {
  await writeFile(gateway.config, 'environment: demo\n')
  assert.match(await refused(EXIT.usage), /holdfast\.yaml:1:[0-9]+: gateway: is missing/)
  await rm(gateway.config)
  assert.match(await refused(EXIT.unreadable), /holdfast\.yaml:1:1: cannot be read: ENOENT/)
  await mkdir(gateway.config)
  assert.match(await refused(EXIT.unreadable), /holdfast\.yaml:1:1: cannot be read: EISDIR/)
  await rm(gateway.config, { recursive: true })
  await writeFile(gateway.config, kept)
})

test('latches that cannot be understood, and one of an actuator that there is not', async () => {
  const record = { cause: 'authentication-failures', detail: 'forged', at: 1 }
  const renamed = JSON.stringify({ latches: { 'old-valve': { record, safe: true } }, suspended: {} })
  await writeFile(state('latches.json'), renamed)
  assert.match(
    await refused(EXIT.untrusted),
    /old-valve is tripped, and the configuration has no such actuator/,
  )
  await writeFile(state('latches.json'), 'not latches')
  assert.match(await refused(EXIT.untrusted), /latches\.json.*look at the plant/)
  await rm(state('latches.json'))
})

test('state that a newer holdfast wrote: each of the small files, and the audit log', async () => {
  for (const name of [
    'latches.json',
    'lockouts.json',
    'revocations.json',
    'clock.json',
    'alarms.json',
    'habits.json',
  ]) {
    const aside = state(`${name}.aside`)
    const was = await rename(state(name), aside).then(
      () => true,
      () => false,
    )
    await writeFile(state(name), '{"version":99,"state":{}}')
    const said = await refused(EXIT.version)
    assert.match(said, new RegExp(`${name} cannot be used: .*version 99.*a newer holdfast wrote it`))
    assert.equal(said.trim().split('\n').length, 1, 'one line')
    assert.equal(readFileSync(state(name), 'utf8'), '{"version":99,"state":{}}', 'it is left as it was')
    await rm(state(name))
    if (was) await rename(aside, state(name))
  }
  const database = new Database(gateway.auditLog)
  const version = database.pragma('user_version', { simple: true })
  database.pragma('user_version = 99')
  assert.match(await refused(EXIT.version), /audit\.db cannot be used.*a newer holdfast wrote it/)
  database.pragma(`user_version = ${version}`)
  database.close()
})

test('files of somebody else are named, all of them, with the line that mends it', async () => {
  const isRoot = process.getuid?.() === 0
  const names = ['audit.db', 'latches.json']
  await writeFile(state('latches.json'), '')
  for (const name of names) {
    if (isRoot) chownSync(state(name), 54321, 54321)
    chmodSync(state(name), isRoot ? 0o600 : 0)
  }
  // Root may read everything by a capability, which the service does not have.
  const said = await refused(EXIT.owner, isRoot ? ['setpriv', '--bounding-set=-all'] : [])
  for (const name of names) assert.match(said, new RegExp(`state/${name} belongs to user [0-9]+, with mode`))
  assert.match(said, /chown -R \S+: .*state$/m)
  if (isRoot) for (const name of names) chownSync(state(name), 0, 0)
  for (const name of names) chmodSync(state(name), 0o600)
  await rm(state('latches.json'))
})

test('a state directory on a disk that has become read-only', { skip: noSmallDisk() }, async () => {
  const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
  const inside = ['unshare', ...NAMESPACE, 'sh', '-c', script, 'sh', join(gateway.folder, 'state')]
  assert.match(
    await refused(EXIT.storage, inside),
    /the state directory .*state is on a disk that is read-only/,
  )
})

test('a clock of 1970 is no obstacle: the agent says so, and takes commands towards safe only', async () => {
  const epoch = 'data:text/javascript,const%20now=Date.now;const%20began=now();Date.now=()=>now()-began'
  await using agent = await gateway.startAgent({ NODE_OPTIONS: `--import=${epoch}` })
  const { troubles } = await agent.line(({ event }) => event === 'ready')
  assert.match(String(troubles), /the system clock says 1970-01-01T.*, and it has been 20[0-9-]+T.* already/)
})
