import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandRig } from './rig.ts'

test('while the clock cannot be trusted, nothing moves away from safe: clock-untrusted; towards safe still works', async () => {
  await using rig = await commandRig()
  const credential = rig.issue()
  rig.troubles.clock = 'the clock is behind what the audit log has seen'
  const away = (await rig.send(rig.sign(credential))).outcome
  assert.equal(away.kind === 'refused' && away.refusal.code, 'clock-untrusted')
  assert.deepEqual(rig.driver.writes, [])
  const towards = await rig.send(rig.sign(credential, { body: '{"setpoint":"closed"}' }))
  assert.equal(towards.outcome.kind, 'verified')
})
