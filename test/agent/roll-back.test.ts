import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import { newestNote } from './audit/forgery.ts'
import { examine } from './doctor/examine.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

type Line = Record<string, unknown>

const counts = (gateway: Gateway): Line[] => gateway.records().filter(({ kind }) => kind === 'log-counted')
const verify = (gateway: Gateway) =>
  gateway.holdfast('audit', 'verify', gateway.auditLog, '--records-only', '--tpm', gateway.tpm.tcti)
const tpmStatus = (gateway: Gateway) => gateway.holdfast('tpm', 'status', '--config', gateway.config)

/** Runs an agent until it has counted once more, and ends it. */
async function runOnce(gateway: Gateway): Promise<RunningAgent> {
  const before = existsSync(gateway.auditLog) ? gateway.records().length : 0
  const agent = await gateway.startAgent()
  while (!gateway.records().some(({ kind, seq }) => kind === 'log-counted' && Number(seq) >= before))
    await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.equal(await agent.kill('SIGTERM'), 0)
  return agent
}

test('a state folder that was put back whole is found at the start, by the agent and by audit verify --tpm, until somebody says that it was meant', async () => {
  await using gateway = await Gateway.start()
  const state = join(gateway.folder, 'state')
  const copy = join(gateway.folder, 'copy')
  assert.equal(
    counts(gateway).at(-1)?.counter,
    2,
    'the enrolment begins the counter, above the one that showed where',
  )
  await runOnce(gateway)
  await cp(state, copy, { recursive: true })
  await runOnce(gateway)
  const whole = await verify(gateway)
  assert.equal(whole.exitCode, 0, whole.stdout + whole.stderr)
  assert.match(whole.stdout, /^intact: .*; the TPM's counter stands at 4, as the log says$/m)

  await rm(state, { recursive: true })
  await cp(copy, state, { recursive: true })
  const plain = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.equal(plain.exitCode, 0, 'which the log alone cannot tell')
  const rolledBack = await verify(gateway)
  assert.equal(rolledBack.exitCode, 4)
  assert.match(
    rolledBack.stdout,
    /^ROLLED BACK: the last count in the log is 3, and the TPM's counter stands at 4/,
  )
  const status = await tpmStatus(gateway)
  assert.equal(status.exitCode, 2)
  assert.match(status.stdout, /^TROUBLE {2}the audit log looks rolled back: the last count in the log is 3/m)
  const { exitCode, errors } = await examine(gateway)
  assert.equal(exitCode, 6)
  assert.match(errors.join('\n'), /^audit counter: the audit log looks rolled back: /m)

  const agent = await gateway.startAgent()
  const alarm = await agent.line(({ alarm }) => alarm === 'audit-log-rolled-back')
  assert.match(String(alarm.msg), /records are missing that were there/)
  const { credential } = await gateway.issue('alice', 'operator')
  const client = gateway.client(agent.address, credential)
  const open = await client.command('inlet-valve', 'open')
  assert.equal(open.kind === 'problem' && open.problem.code, 'replay-memory-lost')
  assert.equal((await client.command('inlet-valve', 'closed')).kind, 'answered', 'towards safe it works')
  await agent.kill('SIGTERM')
  const record = gateway.records().find(({ kind }) => kind === 'log-rolled-back')
  assert.deepEqual([record?.counter, record?.counter_recorded], [4, 3])
  for (const each of gateway.records()) assert.deepEqual(dictionaryFaults(each), [])

  const second = await runOnce(gateway)
  assert.ok(
    second.log.some(
      ({ alarm, msg }) => alarm === 'audit-log-rolled-back' && /earlier start/.test(String(msg)),
    ),
    'the next start says it again',
  )
  assert.match((await verify(gateway)).stdout, new RegExp(`^ROLLED BACK before record ${record?.seq}: `))
  const meant = await gateway.holdfast(
    ...['audit', 'restored', '--config', gateway.config, '--reason', 'a new disk, from the backup of Sunday'],
  )
  assert.equal(meant.exitCode, 0, meant.stderr)
  assert.match(meant.stdout, /^Recorded as record \d+: .* bound to the TPM's counter again/)
  assert.equal((await verify(gateway)).exitCode, 0)
  assert.equal((await tpmStatus(gateway)).exitCode, 0)
  const third = await gateway.startAgent()
  await third.line(({ cleared }) => cleared === 'audit-log-rolled-back')
})

test('a backup that is announced before the agent starts raises no alarm', async () => {
  await using gateway = await Gateway.start()
  const state = join(gateway.folder, 'state')
  await cp(state, join(gateway.folder, 'copy'), { recursive: true })
  await runOnce(gateway)
  await rm(state, { recursive: true })
  await cp(join(gateway.folder, 'copy'), state, { recursive: true })
  const meant = await gateway.holdfast(
    'audit',
    'restored',
    '--config',
    gateway.config,
    '--reason',
    'a drill',
    '--json',
  )
  assert.equal(meant.exitCode, 0, meant.stderr)
  const restored = gateway.records().find(({ kind }) => kind === 'log-restored')
  assert.deepEqual(JSON.parse(meant.stdout), {
    ...{ restored: restored?.seq, by: restored?.by },
    counter: counts(gateway).at(-1)?.counter,
  })
  const agent = await runOnce(gateway)
  assert.deepEqual(
    agent.log.filter(({ alarm }) => alarm !== undefined),
    [],
  )
})

test('a log that was lost is begun anew with one alarm, and bound to the counter from then on', async () => {
  await using gateway = await Gateway.start()
  await runOnce(gateway)
  for (const end of ['', '-wal', '-shm']) await rm(`${gateway.auditLog}${end}`, { force: true })
  const agent = await runOnce(gateway)
  assert.deepEqual(
    agent.log.flatMap(({ alarm }) => alarm ?? []),
    ['audit-log-missing'],
  )
  assert.equal((await verify(gateway)).exitCode, 0)
})

test('a TPM that was cleared is told from a log that was rolled back, and the log is bound anew', async () => {
  await using gateway = await Gateway.start()
  await runOnce(gateway)
  const index = String(counts(gateway).at(-1)?.counter_index)
  await execa('tpm2_nvundefine', [index, '-C', 'o'], { env: { TPM2TOOLS_TCTI: gateway.tpm.tcti } })
  const before = await verify(gateway)
  assert.equal(before.exitCode, 2)
  assert.match(before.stdout, /^cannot verify: the records are intact, .* this TPM has no such counter/)
  assert.match((await tpmStatus(gateway)).stdout, /^notice {3}.* this TPM has no such counter/m)
  const agent = await runOnce(gateway)
  assert.ok(agent.log.some(({ alarm }) => alarm === 'audit-counter-lost'))
  assert.equal((await verify(gateway)).exitCode, 0)
})

test('without the TPM the agent starts and says that its log is not bound; it binds it when the TPM is back', async () => {
  await using gateway = await Gateway.start()
  await gateway.tpm.stop()
  const agent = await gateway.startAgent()
  await agent.line(({ alarm }) => alarm === 'audit-counter-unavailable')
  assert.equal((await fetch(`${agent.address}/healthz`)).status, 200)
  const asked = await verify(gateway)
  assert.equal(asked.exitCode, 2)
  assert.match(asked.stdout, /the TPM's counter cannot be read: no TPM answers/)
})

test('switched off, nothing is written to the TPM, and nothing is missed', async () => {
  await using gateway = await Gateway.start({ settings: [[['audit', 'tpm_counter'], 'off']] })
  const agent = await gateway.startAgent()
  assert.equal(await agent.kill('SIGTERM'), 0)
  assert.deepEqual(counts(gateway), [])
  const { stdout } = await execa('tpm2_getcap', ['handles-nv-index'], {
    env: { TPM2TOOLS_TCTI: gateway.tpm.tcti },
  })
  assert.equal(stdout, '')
})

test('a roll-back and a counter that something else moved look alike to the TPM, and a checkpoint that was kept elsewhere tells them apart', async () => {
  await using gateway = await Gateway.start()
  const state = join(gateway.folder, 'state')
  const earlier = join(gateway.folder, 'earlier')
  const kept = join(gateway.folder, 'kept')
  await cp(state, earlier, { recursive: true })
  await runOnce(gateway)
  await writeFile(kept, newestNote(gateway.auditLog))
  const looksRolledBack = async () => {
    const { told } = await examine(gateway, ['--offline'])
    const counter = told.findings.find(({ check }) => check === 'audit counter')
    assert.match(counter?.text ?? '', /^the audit log looks rolled back: .*or something else/)
    assert.match(counter?.remedy ?? '', /audit verify --checkpoint FILE.*TAMPERED, .*; intact, .*group tss/)
  }
  const against = () => gateway.holdfast('audit', 'verify', gateway.auditLog, '--checkpoint', kept)

  const { counter_index: index } = counts(gateway).at(-1) ?? {}
  await execa('tpm2_nvincrement', ['-C', String(index), String(index)], {
    env: { TPM2TOOLS_TCTI: gateway.tpm.tcti },
  })
  await looksRolledBack()
  const moved = await against()
  assert.equal(moved.exitCode, 0, moved.stdout)
  assert.match(moved.stdout, /^intact: /)

  await rm(state, { recursive: true })
  await cp(earlier, state, { recursive: true })
  await looksRolledBack()
  const gone = await against()
  assert.equal(gone.exitCode, 4)
  assert.match(gone.stdout, /^TAMPERED at record /)
})
