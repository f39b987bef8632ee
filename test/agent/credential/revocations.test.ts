import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Revocation, Revocations, revocationFile } from '../../../agent/credential/revocations.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const DAY = 86_400_000

test('a clock that ran ahead, and a revocation in that time, make no credential good again', async () => {
  await using folder = await temporaryFolder()
  const revocations = new Revocations(revocationFile(join(folder.path, 'revocations.json')), [], 2 * DAY)
  await revocations.add({ kind: 'subject', subject: 'alice', issuedUntil: NOW, at: NOW })
  const ahead = NOW + 365 * DAY
  await revocations.add({ kind: 'credential', serial: 'another', at: ahead })
  const alice = { serial: 'hers', subject: 'alice', issuedAt: NOW - 60_000 }
  assert.equal(revocations.of(alice)?.kind, 'subject')
})

test('what has nothing left to revoke is let go once there is much of it', async () => {
  await using folder = await temporaryFolder()
  const kept = Array.from(
    { length: 1000 },
    (_, index): Revocation => ({
      kind: 'credential',
      serial: `n${index}`,
      at: NOW + index,
    }),
  )
  const file = revocationFile(join(folder.path, 'revocations.json'))
  const revocations = new Revocations(file, kept, 2 * DAY)
  await revocations.add({ kind: 'credential', serial: 'now', at: NOW + 3 * DAY })
  assert.equal(revocations.list.length, 257)
  assert.deepEqual(revocations.list.at(-1), { kind: 'credential', serial: 'now', at: NOW + 3 * DAY })
  await revocations.add({ kind: 'credential', serial: 'later', at: NOW + 3 * DAY })
  assert.equal(revocations.list.length, 257)
  assert.deepEqual(await file.load(), revocations.list)
})
