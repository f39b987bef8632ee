import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseCheckpoint } from '../../agent/audit/checkpoint.ts'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import { tamper } from './audit/fixture.ts'
import { Gateway } from './gateway.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Names of the logs that were moved aside; `-wal` gives what belonged to them. */
function quarantined(gateway: Gateway, end = ''): string[] {
  const form = new RegExp(`^audit\\.db\\.quarantined-[0-9TZ]+(?:-[0-9]+)?${end}$`)
  return readdirSync(dirname(gateway.auditLog)).filter(name => form.test(name))
}

test('a corrupt log is moved aside as it is, a new one is linked to it, and replays are waited out over two starts', async () => {
  await using gateway = await Gateway.start()
  const first = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  await gateway.client(first.address, credential).command('inlet-valve', 'open')
  assert.equal(await first.kill('SIGTERM'), 0)
  const records = gateway.records().length
  const damaged = readFileSync(gateway.auditLog)
  damaged.fill(0x5a, 0, 100)
  writeFileSync(gateway.auditLog, damaged)

  const agent = await gateway.startAgent()
  const [aside = '', ...more] = quarantined(gateway)
  assert.deepEqual(more, [])
  assert.deepEqual(readFileSync(join(dirname(gateway.auditLog), aside)), damaged, 'nothing of it is changed')
  assert.ok(agent.log.some(({ alarm, msg }) => alarm === 'audit-log-corrupt' && String(msg).includes(aside)))
  const [created, alarm] = gateway.records()
  assert.deepEqual(
    [created?.kind, created?.lost, created?.replaces, created?.replaces_sha256],
    ['log-created', true, aside, sha256(damaged)],
  )
  assert.deepEqual(dictionaryFaults(created ?? {}), [])
  const checkpoint = parseCheckpoint(String(created?.replaces_checkpoint))
  assert.equal(
    checkpoint?.size,
    records,
    'it names the last checkpoint, which a clean stop makes of all records',
  )
  assert.deepEqual([alarm?.kind, alarm?.alarm], ['alarm', 'audit-log-corrupt'])

  const client = gateway.client(agent.address, credential)
  const open = await client.command('inlet-valve', 'open')
  assert.equal(open.kind === 'problem' && open.problem.code, 'replay-memory-lost')
  assert.equal(
    (await client.command('inlet-valve', 'closed')).kind,
    'answered',
    'towards safe is never refused for it',
  )
  await agent.kill('SIGKILL')
  const second = await gateway.startAgent()
  const still = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(still.kind === 'problem' && still.problem.code, 'replay-memory-lost')
  assert.equal(quarantined(gateway).length, 1, 'the new log is a good one')
  const verified = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.equal(verified.exitCode, 0, verified.stdout)
})

test('a log whose end was cut, and one that lacks all but its write-ahead log, are moved aside as well', async () => {
  await using gateway = await Gateway.start()
  const start = async () => {
    const agent = await gateway.startAgent()
    await agent.kill('SIGTERM')
    return gateway.records()[0]
  }
  await start()
  tamper(gateway.auditLog, database => database.exec('DELETE FROM record WHERE seq > 1'))
  const cut = await start()
  assert.match(String(cut?.detail), /the audit log was changed or cut: it ends at record 1/)
  assert.equal(quarantined(gateway).length, 1)

  // A power cut between moving the log and moving what belongs to it.
  const before = new Set(quarantined(gateway, '-wal'))
  copyFileSync(gateway.auditLog, `${gateway.auditLog}-wal`)
  rmSync(gateway.auditLog)
  const remains = await start()
  assert.equal(remains?.replaces_sha256, null)
  assert.match(String(remains?.replaces_wal_sha256), /^[0-9a-f]{64}$/)
  const fresh = quarantined(gateway, '-wal').filter(name => !before.has(name))
  assert.deepEqual(fresh, [`${String(remains?.replaces)}-wal`])
  assert.equal(quarantined(gateway).length, 1)
})
