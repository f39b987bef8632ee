import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
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
    const audit = { appendOrKeep: () => assert.fail('nothing is recorded') } as unknown as AuditLog
    const rotator = new TpmRotator(config, around, rig.keys, audit, rig.clock, {
      publish: () => assert.fail('no new key'),
      onRotated: () => assert.fail('no new key'),
    })
    const answer = await rotator.rotate(
      { record: { by: 'root' }, arrived: { wall: 0, monotonic: 0 } },
      undefined,
    )
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

test('a rotation that a crash ends before its public key is out leaves no checkpoint that nobody can verify', async () => {
  await using gateway = await Gateway.start()
  const state = (name: string) => join(gateway.folder, 'state', name)
  const keys = () => readFileSync(state('audit.vkey'), 'utf8').trim().split('\n')
  const agent = await gateway.startAgent()
  // Whoever opens a pipe to write to it waits for a reader: the rotation gets as far as there.
  execFileSync('mkfifo', [state('audit.vkey.new')])
  const rotation = gateway.holdfast('key', 'rotate', '--agent', gateway.adminSocket)
  while (!existsSync(state('master-key/generation-2.json'))) await turn()
  await agent.kill('SIGKILL')
  assert.notEqual((await rotation).exitCode, 0)
  rmSync(state('audit.vkey.new'))
  assert.equal(keys().length, 1)

  const again = await gateway.startAgent()
  // Before it has anything new to cover, it may tell of the newest checkpoint that there is, which the key before has signed.
  const isOfFirst = (note: unknown) => keys()[0]?.includes(`+${signerId(note)}+`)
  const { note } = await again.line(({ event, note }) => event === 'checkpoint' && !isOfFirst(note))
  const [, second, ...more] = keys()
  assert.deepEqual([more, second?.includes(`+${signerId(note)}+`)], [[], true], 'the new key signs')
  assert.equal(await again.kill('SIGTERM'), 0)
  const { exitCode, stdout } = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.equal(exitCode, 0, stdout)
})

/** The id of the key that signed a note last, as it stands in the key's own line (C2SP signed-note). */
function signerId(note: unknown): string {
  const signature = Buffer.from(String(note).split(' ').at(-1) ?? '', 'base64')
  return signature.subarray(0, 4).toString('hex')
}

test('nothing is signed with a key that audit.vkey does not take: an alarm says so, and the key before goes on', async () => {
  await using gateway = await Gateway.start()
  const draft = join(gateway.folder, 'state', 'audit.vkey.new')
  const agent = await gateway.startAgent()
  await agent.line(({ event }) => event === 'checkpoint')
  mkdirSync(draft)
  await gateway.holdfast('key', 'rotate', '--agent', gateway.adminSocket)
  const { detail, msg } = await agent.line(({ alarm }) => alarm === 'checkpoint-key-unpublished')
  assert.match(String(detail ?? msg), /EISDIR/)
  assert.equal(await agent.kill('SIGTERM'), 0)
  const { exitCode, stdout } = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.deepEqual([exitCode, /every record is covered/.test(stdout)], [0, true], stdout)
  rmdirSync(draft)
  const again = await gateway.startAgent()
  await again.line(({ cleared }) => cleared === 'checkpoint-key-unpublished')
  assert.equal(await again.kill('SIGTERM'), 0)
  const after = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.equal(after.exitCode, 0, after.stdout)
})
