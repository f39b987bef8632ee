import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ReceiverProcess } from './audit/forward/receiver.ts'
import { Authority } from './certificates.ts'
import { Gateway } from './gateway.ts'

test('an agent sends every record to a syslog receiver, none lost and none twice, over an outage and restarts of both', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hf-syslog-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await Authority.make(folder, 'authority')
  const files = await authority.issue('receiver', 'IP:127.0.0.1')
  const own = await authority.issue('gateway', 'DNS:waterworks-1')
  const messages: string[] = []
  const first = await ReceiverProcess.start(files, messages, 0, '--client-ca', authority.path)
  const syslog = { tls: `127.0.0.1:${first.port}`, ca: authority.path, ...own }
  await using gateway = await Gateway.start({ settings: [[['audit'], { syslog }]] })

  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  // log-created, enrolled, agent-started, credential-issued, intent, outcome
  await first.got(6)
  const delivered = () =>
    JSON.parse(readFileSync(join(gateway.folder, 'state', 'syslog.cursor'), 'utf8')).state.next as number
  while (delivered() < 6) await agent.line(() => true)
  await first.kill()
  await gateway.client(agent.address, credential).command('inlet-valve', 'closed')
  await agent.line(({ alarm }) => alarm === 'audit-not-forwarded')
  assert.equal(await agent.kill('SIGTERM'), 0)

  await using second = await ReceiverProcess.start(files, messages, first.port, '--client-ca', authority.path)
  const again = await gateway.startAgent()
  await again.line(({ msg }) => String(msg).includes('listening'))
  const size = gateway.records().length
  await second.got(size)
  const seqs = messages.map(text => Number(/ seq="(\d+)"/.exec(text)?.[1]))
  assert.deepEqual(
    seqs.slice(0, size),
    Array.from({ length: size }, (_, index) => index),
  )
  const outcome = messages.find(text => text.includes('kind="command-outcome"'))
  assert.match(
    outcome ?? '',
    /^<110>1 \S+ waterworks-1 holdfast - command-outcome \[holdfast@32473 environment="demo" .*subject="alice".*outcome="verified"/,
  )
})
