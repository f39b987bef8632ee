import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { authenticate } from '../../../agent/command/authenticate.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { revoke } from '../../../agent/command/revoke.ts'
import { Revocations, revocationFile } from '../../../agent/credential/revocations.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { commandRig } from './rig.ts'

test('a revocation that the disk does not take acts all the same, and is answered with state-unwritable', async () => {
  await using rig = await commandRig()
  await using folder = await temporaryFolder()
  const inTheWay = join(folder.path, 'state')
  await writeFile(inTheWay, 'a file where a directory should be')
  const revocations = new Revocations(revocationFile(join(inTheWay, 'revocations.json')), [], 86_400_000)
  const alice = rig.issue()
  const body = '{"subject":"alice"}'
  const received = rig.sign(rig.issue([], 'admin'), { path: '/v1/revocations', body })
  const answer = await revoke(received, undefined, revocations, rig.audit, rig.clock)
  assert.equal(answer instanceof Refused && answer.refusal.code, 'state-unwritable')
  const used = authenticate(rig.sign(alice), { ...rig.authenticator, revocations })
  assert.equal(used instanceof Refused && used.refusal.code, 'revoked')
})
