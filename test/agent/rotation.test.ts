import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditLog } from '../../agent/audit/log.ts'
import type { Config } from '../../agent/config/config.ts'
import { TpmRotator } from '../../agent/rotation.ts'
import { Refusal } from '../../model/refusal.ts'
import { commandRig } from './command/rig.ts'

for (const source of ['file', 'systemd-credential', 'vault'] as const) {
  test(`a key that comes from ${source} is rotated where it comes from: rotation-elsewhere, and nothing is touched`, async () => {
    await using rig = await commandRig()
    const config = { masterKey: { source } } as Config
    const around = { user: 0, credentialsDirectory: undefined }
    const audit = { append: () => assert.fail('nothing is recorded') } as unknown as AuditLog
    const rotator = new TpmRotator(config, around, rig.keys, audit, rig.clock, () =>
      assert.fail('no new key'),
    )
    const answer = await rotator.rotate('root', undefined)
    assert.equal(answer instanceof Refusal && answer.code, 'rotation-elsewhere')
  })
}
