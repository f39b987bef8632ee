import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal } from '../../../model/refusal.ts'
import { commandRig } from '../command/rig.ts'

test('a credential lasts as long as the configuration allows, to the millisecond, and is refused beyond: lifetime-exceeded', async () => {
  await using rig = await commandRig()
  const order = { subject: 'alice', role: 'operator', caveats: [] }
  const longest = rig.mint.issue({ ...order, lifetime: 86_400_000 / 3 })
  assert.ok(!(longest instanceof Refusal))
  const longer = rig.mint.issue({ ...order, lifetime: 86_400_000 / 3 + 1 })
  assert.equal(longer instanceof Refusal && longer.code, 'lifetime-exceeded')
})
