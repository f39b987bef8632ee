import assert from 'node:assert/strict'
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AuditLog } from '../../agent/audit/log.ts'
import type { Config } from '../../agent/config/config.ts'
import { TpmRotator } from '../../agent/rotation.ts'
import { Refusal } from '../../model/refusal.ts'
import { commandRig } from './command/rig.ts'
import { Gateway } from './gateway.ts'
import { deleteAuditLog } from './small-disk.ts'

for (const source of ['file', 'systemd-credential', 'vault'] as const) {
  test(`a key that comes from ${source} is rotated where it comes from: rotation-elsewhere, and nothing is touched`, async () => {
    await using rig = await commandRig()
    const config = { masterKey: { source } } as Config
    const around = { user: 0, credentialsDirectory: undefined }
    const audit = { append: () => assert.fail('nothing is recorded') } as unknown as AuditLog
    const rotator = new TpmRotator(config, around, rig.keys, audit, rig.clock, () =>
      assert.fail('no new key'),
    )
    const answer = await rotator.rotate({ by: 'root' }, undefined)
    assert.equal(answer instanceof Refusal && answer.code, 'rotation-elsewhere')
  })
}

const SHARES =
  /^Escrow of the key \S+: 3 shares\. They are shown now, and never again\.\n(hf-share-1 .*\n?){3}/m

test('a rotation that cannot be recorded is no success, and its shares are shown all the same', async () => {
  await using gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  deleteAuditLog(join(gateway.folder, 'state'))
  const rotate = ['key', 'rotate', '--agent', gateway.adminSocket, '--escrow', '2-of-3']
  const shown = await gateway.holdfast(...rotate)
  assert.notEqual(shown.exitCode, 0)
  assert.match(shown.stderr, /the key is rotated, and that is not in the audit log yet: /)
  assert.match(shown.stdout, /^The master key is now of generation 2 /)
  assert.match(shown.stdout, SHARES)
  const told = await gateway.holdfast(...rotate, '--json')
  const { code, generation, shares } = JSON.parse(told.stdout) as Record<string, unknown>
  assert.deepEqual([code, generation, (shares as string[]).length], ['audit-unwritable', 3, 3])
  await agent.kill('SIGKILL')
})

test('a rotation that fails on its way is recorded, its shares are shown, and another is possible', async () => {
  await using gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  const draft = join(gateway.folder, 'state', 'audit.vkey.new')
  mkdirSync(draft)
  const rotate = ['key', 'rotate', '--agent', gateway.adminSocket, '--escrow', '2-of-3']
  const shown = await gateway.holdfast(...rotate)
  assert.notEqual(shown.exitCode, 0)
  assert.match(shown.stderr, /the key is rotated, and the agent has not all of it: EISDIR.*audit\.vkey/)
  assert.match(shown.stdout, SHARES)
  const [record] = gateway.records().filter(({ kind }) => kind === 'key-rotated')
  assert.deepEqual([record?.generation, record?.escrow], [2, '2-of-3'])
  rmdirSync(draft)
  assert.equal((await gateway.holdfast(...rotate)).exitCode, 0)
  assert.equal(await agent.kill('SIGTERM'), 0)
})
