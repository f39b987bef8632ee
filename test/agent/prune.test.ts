import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { stampEntry } from '../../agent/audit/record.ts'
import { AuditStore } from '../../agent/audit/store.ts'
import { systemClock } from '../../agent/time/system-clock.ts'
import { Gateway } from './gateway.ts'

const DAY = 86_400_000
/** Who has nothing else on this host. */
const NOBODY = 65534
// As many as an enrolment may find unsigned.
const OLD = 60

/** A gateway whose log has records of forty days ago, as if it had run since then. */
async function oldGateway(lifetimeMax = '8h'): Promise<Gateway> {
  const settings = [[['credentials', 'max_lifetime'], lifetimeMax]] as const
  const gateway = await Gateway.start({ enrolled: false, settings })
  mkdirSync(dirname(gateway.auditLog), { mode: 0o700 })
  const then = systemClock.wall() - 40 * DAY
  const entries = Array.from({ length: OLD }, (_, index) => ({
    stamped: stampEntry({ kind: 'key-retired', generation: index }, then + index, index),
    wanted: true,
  }))
  {
    using store = new AuditStore(gateway.auditLog, 'an earlier run', 'create', undefined)
    store.append(0, entries, true, undefined)
  }
  const { exitCode, stderr } = await gateway.holdfast('enroll', '--config', gateway.config)
  assert.equal(exitCode, 0, stderr)
  return gateway
}

test("a stopped agent's log is pruned, signed and verified; a running one's is not, nor what is still needed", async () => {
  await using gateway = await oldGateway()
  const archive = join(gateway.folder, 'archive')
  const prune = (before: string) =>
    gateway.holdfast('audit', 'prune', '--config', gateway.config, '--before', before, '--archive', archive)
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const running = await prune('30d')
  assert.equal(running.exitCode, 2)
  assert.match(running.stderr, /another holdfast process uses/)
  assert.equal(await agent.kill('SIGTERM'), 0)

  const tooNew = await prune('1m')
  assert.equal(tooNew.exitCode, 2)
  assert.match(tooNew.stderr, /still needs the records since .*choose an earlier time/)
  const nothing = await prune('50d')
  assert.equal(nothing.exitCode, 0, nothing.stderr)
  assert.match(nothing.stdout, /^Nothing was pruned: /)

  const { length } = gateway.records()
  const pruned = await prune('30d')
  assert.equal(pruned.exitCode, 0, pruned.stderr)
  assert.match(
    pruned.stdout,
    new RegExp(`^Pruned records 0 to ${OLD - 1} into .*archive \\(SHA-256 [0-9a-f]{64}`),
  )
  assert.equal(readFileSync(archive, 'utf8').trimEnd().split('\n').length, OLD)
  const records = gateway.records()
  assert.equal(records.length, length - OLD + 1)
  assert.equal(records.at(-1)?.kind, 'log-pruned')

  const verified = await gateway.holdfast('audit', 'verify', gateway.auditLog, '--archive', archive, '--json')
  const verdict = JSON.parse(verified.stdout) as Record<string, unknown>
  assert.deepEqual([verified.exitCode, verdict.pruned, verdict.records], [0, OLD, length + 1])
  assert.equal(verdict.signed_up_to, length + 1, 'the record of the act is signed')
  const again = await gateway.startAgent()
  const opened = await gateway.client(again.address, credential).command('inlet-valve', 'open')
  assert.equal(opened.kind, 'answered', 'and the agent goes on in it')
})

test('run by root, it does nothing in the agent’s directory that the agent’s user could not; the archive is root’s', {
  skip: process.getuid?.() === 0 ? false : 'only root can become somebody else: run the tests as root too',
}, async () => {
  await using gateway = await oldGateway()
  const agent = await gateway.startAgent()
  await agent.kill('SIGTERM')
  const state = dirname(gateway.auditLog)
  const archive = join(gateway.folder, 'archive')
  const prune = () =>
    gateway.holdfast('audit', 'prune', '--config', gateway.config, '--before', '30d', '--archive', archive)
  // The way there is open to everybody, as /var/lib is.
  chmodSync(gateway.folder, 0o755)
  chownSync(state, NOBODY, NOBODY)
  const refused = await prune()
  assert.equal(refused.exitCode, 2, refused.stdout)
  assert.match(refused.stderr, /^the log could not be pruned: /)
  assert.ok(!existsSync(archive))
  for (const name of readdirSync(state)) chownSync(join(state, name), NOBODY, NOBODY)
  const pruned = await prune()
  assert.equal(pruned.exitCode, 0, pruned.stderr)
  assert.equal(statSync(archive).uid, 0)
  const others = readdirSync(state).filter(name => statSync(join(state, name)).uid !== NOBODY)
  assert.deepEqual(others, [])
})

test('what limits on how often look back at is still needed, however short credentials live', async () => {
  await using gateway = await oldGateway('10m')
  const archive = join(gateway.folder, 'archive')
  const prune = (before: string) =>
    gateway.holdfast('audit', 'prune', '--config', gateway.config, '--before', before, '--archive', archive)
  const tooNew = await prune('59m')
  assert.equal(tooNew.exitCode, 2, tooNew.stdout)
  assert.match(tooNew.stderr, /still needs the records since /)
  const pruned = await prune('61m')
  assert.equal(pruned.exitCode, 0, pruned.stderr)
})

test('a log whose public key is there and cannot be read is not pruned', async () => {
  await using gateway = await oldGateway()
  const vkey = join(gateway.folder, 'state', 'audit.vkey')
  renameSync(vkey, `${vkey}.elsewhere`)
  const before = gateway.records().length
  const archive = join(gateway.folder, 'archive')
  for (const there of ['nothing', 'a folder']) {
    if (there === 'a folder') mkdirSync(vkey)
    const words = ['--config', gateway.config, '--before', '30d', '--archive', archive]
    const { exitCode, stderr } = await gateway.holdfast('audit', 'prune', ...words)
    assert.equal(exitCode, 2, there)
    assert.match(stderr, /^nothing was changed: without the public key .*audit\.vkey/)
    assert.equal(gateway.records().length, before)
  }
})
