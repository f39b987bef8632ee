import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { execa } from 'execa'
import { copyLog, tamper } from './audit/fixture.ts'
import { ReceiverProcess } from './audit/forward/receiver.ts'
import { Authority } from './certificates.ts'
import { Gateway, HOLDFAST, ROOT } from './gateway.ts'

/** How an auditor gets the newest checkpoint out of what a collector kept. */
const RECIPE = /^ {4}(grep '.* checkpoint .*)$/m.exec(
  readFileSync(join(ROOT, 'docs', 'AUDIT_FORMAT.md'), 'utf8'),
)?.[1]

test('an agent sends every record to a syslog receiver, none lost and none twice, over an outage and restarts of both, and then a checkpoint', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hf-syslog-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await Authority.make(folder, 'authority')
  const files = await authority.issue('receiver', 'IP:127.0.0.1')
  const own = await authority.issue('gateway', 'DNS:waterworks-1')
  const messages: string[] = []
  const seqs = () => messages.flatMap(text => / seq="(\d+)"/.exec(text)?.[1] ?? []).map(Number)
  const sealed = () => messages.flatMap(text => / checkpoint \[.* size="(\d+)"/.exec(text)?.[1] ?? [])
  const first = await ReceiverProcess.start(files, messages, 0, '--client-ca', authority.path)
  const syslog = { tls: `127.0.0.1:${first.port}`, ca: authority.path, ...own }
  await using gateway = await Gateway.start({ settings: [[['audit'], { syslog }]] })

  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  // log-created, enrolled, agent-started, credential-issued, intent, outcome
  while (seqs().length < 6) await first.got(messages.length + 1)
  const delivered = () =>
    JSON.parse(readFileSync(join(gateway.folder, 'state', 'syslog.cursor'), 'utf8')).state.next as number
  while (delivered() < 6) await turn()
  await first.kill()
  await gateway.client(agent.address, credential).command('inlet-valve', 'closed')
  await agent.line(({ alarm }) => alarm === 'audit-not-forwarded')
  assert.equal(await agent.kill('SIGTERM'), 0)
  // A clean stop signs all that there is: nothing but the next run can send it.
  const stopped = gateway.records().length

  await using second = await ReceiverProcess.start(files, messages, first.port, '--client-ca', authority.path)
  const again = await gateway.startAgent()
  await again.line(({ msg }) => String(msg).includes('listening'))
  const size = gateway.records().length
  while (seqs().length < size) await second.got(messages.length + 1)
  assert.deepEqual(
    seqs().slice(0, size),
    Array.from({ length: size }, (_, index) => index),
  )
  const outcome = messages.find(text => text.includes('kind="command-outcome"'))
  assert.match(
    outcome ?? '',
    /^<110>1 \S+ waterworks-1 holdfast - command-outcome \[holdfast@32473 environment="demo" .*subject="alice".*outcome="verified"/,
  )

  while (Number(sealed().at(-1)) < stopped || sealed().length === 0) await second.got(messages.length + 1)
  assert.deepEqual(new Set(sealed()).size, sealed().length, 'no checkpoint comes twice')
  const signed = Number(sealed().at(-1))
  assert.equal(await again.kill('SIGTERM'), 0)
  const at = (name: string) => join(gateway.folder, name)
  writeFileSync(at('collected'), `${messages.join('\n')}\n`)
  await execa('sh', ['-eu', '-c', RECIPE ?? assert.fail('no recipe')], { cwd: gateway.folder })
  const against = async (log: string) =>
    await gateway.holdfast('audit', 'verify', log, '--checkpoint', at('kept'))
  const intact = await against(gateway.auditLog)
  assert.deepEqual([intact.exitCode, intact.stdout.slice(0, 7)], [0, 'intact:'])
  copyLog(gateway.auditLog, at('cut.db'))
  tamper(at('cut.db'), database => {
    database.exec(`DELETE FROM record WHERE seq >= ${signed - 1}`)
    database.exec(`DELETE FROM checkpoint WHERE size >= ${signed}`)
  })
  const cut = await against(at('cut.db'))
  assert.equal(cut.exitCode, 4)
  assert.match(cut.stdout, /^TAMPERED/)
})

test('a checkpoint leaves the agent by its own log whatever the level of that', async () => {
  await using gateway = await Gateway.start()
  const words = ['agent', '--config', gateway.config, '--log-level', 'error']
  const agent = execa(HOLDFAST, words, { reject: false, stdin: 'ignore', stderr: 'inherit', timeout: 30_000 })
  const lines: Record<string, unknown>[] = []
  for await (const text of agent) {
    const line = JSON.parse(text) as Record<string, unknown>
    lines.push(line)
    if (line.event === 'checkpoint') agent.kill('SIGTERM')
  }
  const checkpoints = lines.filter(({ event }) => event === 'checkpoint')
  assert.ok(checkpoints.length > 0)
  for (const { note } of checkpoints)
    assert.match(String(note), /^demo\/waterworks-1\n\d+\n[^\n]+\n\n— demo\/waterworks-1 /)
  assert.deepEqual(
    lines.filter(line => !checkpoints.includes(line) && Number(line.level) < 50),
    [],
    'and nothing else that is no error',
  )
})
