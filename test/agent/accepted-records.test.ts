import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Answer } from '../../client/agent-client.ts'
import type { AuditKind } from '../../model/audit.ts'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import { Gateway } from './gateway.ts'

/** Who and how, of a request that somebody signed and of one over the admin socket that nobody did. */
const SIGNED = ['credential', 'nonce', 'created', 'channel', 'source']
const UNSIGNED = ['channel', 'source', 'identity']

/** What each kind has besides its outcome and its latency. */
const KINDS: readonly [kind: AuditKind, members: Record<string, unknown>, also: readonly string[]][] = [
  ['select', { actuator: 'inlet-valve', subject: 'erika', asked: 'open' }, SIGNED],
  ['lockout', { actuator: 'inlet-valve', subject: 'erika', reason: 'works' }, SIGNED],
  ['lockout-ended', { actuator: 'inlet-valve', subject: 'erika', reason: 'works done' }, SIGNED],
  ['trip-requested', { actuator: 'inlet-valve', subject: 'erika', reason: 'a leak' }, SIGNED],
  ['acknowledgement', { actuator: 'inlet-valve', subject: 'erika' }, SIGNED],
  ['reset', { actuator: 'inlet-valve', subject: 'erika', cause: 'manual', reason: 'mended' }, SIGNED],
  ['alarm-shelved', { alarm: 'authentication-failures', by: 'erika', reason: 'a test' }, SIGNED],
  ['alarm-unshelved', { alarm: 'authentication-failures', by: 'erika' }, SIGNED],
  ['alarm-acknowledged', { alarm: 'authentication-failures', by: 'erika' }, SIGNED],
  ['credential-issued', { subject: 'erika', role: 'engineer' }, [...UNSIGNED, 'issuer', 'credential']],
  ['revocation', { revoked: 'subject', subject: 'nobody', reason: 'left' }, [...UNSIGNED, 'by', 'at']],
  ['key-rotated', { generation: 2 }, [...UNSIGNED, 'by', 'key']],
  ['break-glass-sealed', {}, [...UNSIGNED, 'by']],
  ['clock-accepted', {}, [...UNSIGNED, 'by', 'before']],
]

function mustAnswer(answer: Answer): void {
  assert.equal(answer.kind, 'answered', JSON.stringify(answer))
}

test('whatever somebody asks for is recorded with who, over what, from where, for what, how it ended and how long it took', async () => {
  await using gateway = await Gateway.start({
    unattributed: 'alarm',
    settings: [
      [['trip_groups'], {}],
      [['actuators', 'inlet-valve', 'select_before_operate'], '1m'],
    ],
  })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('erika', 'engineer')
  const erika = gateway.client(agent.address, credential)
  const admin = gateway.client(gateway.adminSocket)
  mustAnswer(await erika.select('inlet-valve', 'open'))
  mustAnswer(await erika.lockOut('inlet-valve', 'works', '1h'))
  mustAnswer(await erika.unlock('inlet-valve', undefined, 'works done'))
  mustAnswer(await erika.trip('inlet-valve', 'a leak'))
  mustAnswer(await erika.acknowledge('inlet-valve'))
  mustAnswer(await erika.reset('inlet-valve', 'mended'))
  const forger = { keyid: credential.keyid, secret: randomBytes(32).toString('base64url') }
  for (let count = 0; count < 3; count += 1)
    await gateway.client(agent.address, forger).command('inlet-valve', 'open')
  mustAnswer(await erika.shelveAlarm('authentication-failures', '1h', 'a test'))
  mustAnswer(await erika.unshelveAlarm('authentication-failures'))
  mustAnswer(await erika.acknowledgeAlarm('authentication-failures'))
  mustAnswer(await admin.revoke({ subject: 'nobody', reason: 'left' }))
  mustAnswer(await admin.rotate())
  mustAnswer(await admin.sealGlass())
  mustAnswer(await admin.acceptClock())
  assert.equal((await erika.lockOut('inlet-valve', 'works', 'never')).kind, 'problem')
  await agent.kill('SIGTERM')

  const query = async (kind: string) => {
    const words = ['audit', 'query', gateway.auditLog, '--kind', kind, '--json']
    const { stdout, stderr } = await gateway.holdfast(...words)
    assert.notEqual(stdout, '', `${kind}: ${stderr}`)
    return stdout.split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
  }
  for (const [kind, members, also] of KINDS) {
    const record = (await query(kind)).at(-1) ?? {}
    const said = JSON.stringify(record)
    assert.deepEqual(dictionaryFaults(record), [], said)
    for (const [name, value] of Object.entries({ ...members, outcome: 'accepted' }))
      assert.deepEqual(record[name], value, `${name} of ${said}`)
    for (const name of [...also, 'latency_ms']) assert.notEqual(record[name], undefined, `${name} of ${said}`)
    assert.ok(Number(record.latency_ms) >= 0, said)
  }
  const [safe] = await query('trip-safe')
  assert.deepEqual([safe?.asked, safe?.found, safe?.outcome], ['closed', 'closed', 'verified'])
  assert.ok(Number(safe?.latency_ms) > 0)
  const refused = await query('refusal')
  assert.deepEqual(
    refused.filter(({ latency_ms, outcome }) => typeof latency_ms !== 'number' || outcome !== 'refused'),
    [],
  )
  assert.ok(refused.some(({ code, subject }) => code === 'body-malformed' && subject === 'erika'))
  const [enrolled] = await query('enrolled')
  assert.equal(enrolled?.by, `user ${process.getuid?.()}`)
})
