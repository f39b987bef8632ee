import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WriteResult } from '../../../drivers/driver.ts'
import type { RefusalCode } from '../../../model/refusal.ts'
import { commandRig } from './rig.ts'

const NOT_WRITTEN: readonly (readonly [what: string, result: WriteResult, code: RefusalCode])[] = [
  [
    'a device that cannot be reached',
    { kind: 'unreachable', reason: 'the connection was refused' },
    'device-unreachable',
  ],
  ['a device that will not', { kind: 'rejected', reason: 'illegal data address' }, 'device-rejected'],
]

for (const [what, result, code] of NOT_WRITTEN) {
  test(`${what}: ${code}, 502, with its reason, and nothing was written`, async () => {
    await using rig = await commandRig()
    rig.driver.nextWrite = result
    const { outcome, recorded } = await rig.send(rig.sign(rig.issue()))
    assert.ok(outcome.kind === 'refused')
    assert.equal(outcome.refusal.code, code)
    assert.equal(outcome.refusal.status, 502)
    assert.ok('reason' in result && outcome.refusal.detail.includes(result.reason))
    assert.deepEqual(rig.driver.writes, [])
    assert.equal(recorded, true)
  })
}
