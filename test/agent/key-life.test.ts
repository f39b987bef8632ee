import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { Gateway, HOLDFAST } from './gateway.ts'

interface Status {
  master_key: {
    generation: number
    available: boolean
    generations: { generation: number; until: string | null }[]
  }
}

async function statusOf(gateway: Gateway): Promise<Status> {
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket, '--json')
  return JSON.parse(stdout) as Status
}

test('a rotated key issues at once; what was issued before works for the grace, to the end, and then its generation is gone', async () => {
  await using gateway = await Gateway.start({
    settings: [
      [['credentials', 'grace'], '15s'],
      [['credentials', 'max_lifetime'], '15s'],
    ],
  })
  const agent = await gateway.startAgent()
  const before = (await gateway.issue('alice', 'operator', '--lifetime', '15s')).credential
  const client = gateway.client(agent.address, before)
  // Asked over a unix socket, which has no rate.
  const watcher = gateway.client(gateway.operatorSocket)
  const inFlight = client.command('inlet-valve', 'open')
  const rotated = await gateway.holdfast('key', 'rotate', '--agent', gateway.adminSocket, '--json')
  assert.equal(rotated.exitCode, 0, rotated.stderr)
  assert.equal((await inFlight).kind, 'answered', 'a command under way is carried out')
  const answer = JSON.parse(rotated.stdout) as { generation: number; previous_until: string }
  assert.equal(answer.generation, 2)

  const after = (await gateway.issue('alice', 'operator', '--lifetime', '15s')).credential
  assert.match(after.keyid, /waterworks-1\/2\//)
  assert.equal((await gateway.client(agent.address, after).command('inlet-valve', 'closed')).kind, 'answered')
  assert.equal((await client.command('inlet-valve', 'closed')).kind, 'answered', 'the old one still works')
  assert.deepEqual(
    (await statusOf(gateway)).master_key.generations.map(({ generation, until }) => [
      generation,
      until !== null,
    ]),
    [
      [1, true],
      [2, false],
    ],
  )
  const ended = Date.parse(answer.previous_until)
  while (Date.now() < ended) await watcher.status()
  const late = await client.command('inlet-valve', 'closed')
  assert.equal(late.kind === 'problem' && late.problem.code, 'key-expired')
  const gone = async (): Promise<boolean> =>
    await access(join(gateway.folder, 'state', 'master-key', 'generation-1.json')).then(
      () => false,
      () => true,
    )
  while (!(await gone())) await watcher.status()
  while (!gateway.records().some(({ kind }) => kind === 'key-retired')) await watcher.status()
  const key = await readFile(join(gateway.folder, 'state', 'audit.vkey'), 'utf8')
  assert.equal(key.trim().split('\n').length, 2, 'the log’s public keys of both generations are kept')
  await agent.kill('SIGTERM')
  const verified = await gateway.holdfast('audit', 'verify', gateway.auditLog)
  assert.equal(verified.exitCode, 0, verified.stdout)
  const kinds = gateway.records().map(({ kind }) => kind)
  assert.ok(kinds.includes('key-rotated'))
})

test('after a change of the PCRs one command and three of five shares bring the key back; old credentials work again', async () => {
  await using gateway = await Gateway.start({ enrolled: false })
  const enrolled = await gateway.holdfast(
    'enroll',
    '--config',
    gateway.config,
    '--escrow',
    '3-of-5',
    '--json',
  )
  assert.equal(enrolled.exitCode, 0, enrolled.stderr)
  const { shares } = JSON.parse(enrolled.stdout) as { shares: string[] }
  assert.equal(shares.length, 5)
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  await agent.kill('SIGTERM')
  const good = await gateway.holdfast('tpm', 'status', '--config', gateway.config)
  assert.equal(good.exitCode, 0, good.stdout)

  await execa('tpm2_pcrextend', [`7:sha256=${'22'.repeat(32)}`], {
    env: { TPM2TOOLS_TCTI: gateway.tpm.tcti },
  })
  const bad = await gateway.holdfast('tpm', 'status', '--config', gateway.config)
  assert.equal(bad.exitCode, 2)
  assert.match(bad.stdout, /recover/)
  const second = await gateway.startAgent()
  const refused = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'master-key-unavailable')

  const recover = async (lines: readonly string[], ...words: string[]) =>
    await execa(HOLDFAST, ['recover', '--config', gateway.config, ...words], {
      input: lines.join('\n'),
      reject: false,
    })
  const few = await recover(shares.slice(0, 2))
  assert.equal(few.exitCode, 2)
  const check = await recover(shares.slice(1, 4), '--check')
  assert.equal(check.exitCode, 0, check.stderr)
  const recovered = await recover([shares[4] ?? '', shares[0] ?? '', shares[2] ?? ''])
  assert.equal(recovered.exitCode, 0, recovered.stderr)
  assert.match(recovered.stdout, /^Recovered demo\/waterworks-1/)
  await second.line(({ msg }) => msg === 'the master key can be used again')
  assert.equal(
    (await gateway.client(second.address, credential).command('inlet-valve', 'open')).kind,
    'answered',
  )
  const everything =
    JSON.stringify(gateway.records()) + JSON.stringify(agent.log) + JSON.stringify(second.log)
  for (const share of shares) assert.ok(!everything.includes(share), 'no share is in the log')
})

test('a revocation is refused within the second, over a restart too, and the drill shows it', async () => {
  await using gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  const drill = await gateway.holdfast(
    'credential',
    'drill',
    '--agent',
    gateway.adminSocket,
    '--at',
    agent.address,
    '--json',
  )
  assert.equal(drill.exitCode, 0, drill.stderr)
  assert.ok((JSON.parse(drill.stdout) as { revoked_ms: number }).revoked_ms < 1000)

  const { file, credential } = await gateway.issue('alice', 'operator')
  const shown = JSON.parse((await gateway.holdfast('credential', 'show', file, '--json')).stdout) as {
    credential: string
  }
  const listed = await gateway.holdfast('credential', 'list', '--agent', gateway.adminSocket)
  assert.match(listed.stdout, new RegExp(`${shown.credential} +alice`))
  const revoked = await gateway.holdfast(
    'credential',
    'revoke',
    '--agent',
    gateway.adminSocket,
    '--subject',
    'alice',
    '--reason',
    'left',
  )
  assert.equal(revoked.exitCode, 0, revoked.stderr)
  const refused = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'revoked')
  assert.match(
    (await gateway.holdfast('credential', 'list', '--agent', gateway.adminSocket)).stdout,
    /REVOKED/,
  )

  await agent.kill('SIGKILL')
  const second = await gateway.startAgent()
  const still = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(still.kind === 'problem' && still.problem.code, 'revoked')
  const byOperator = await gateway.holdfast(
    'credential',
    'revoke',
    '--agent',
    gateway.operatorSocket,
    '--subject',
    'alice',
  )
  assert.equal(byOperator.exitCode, 3)
})

test('a credential narrowed on the command line, offline, does what is left of it', async () => {
  await using gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  const { file } = await gateway.issue('alice', 'operator')
  const out = join(gateway.folder, 'narrow.credential')
  const narrowed = await gateway.holdfast(
    'credential',
    'narrow',
    file,
    'act=inlet-valve:closed',
    '--out',
    out,
  )
  assert.equal(narrowed.exitCode, 0, narrowed.stderr)
  const send = (setpoint: string) =>
    gateway.holdfast('command', 'inlet-valve', setpoint, '--agent', agent.address, '--credential', out)
  assert.equal((await send('closed')).exitCode, 0)
  assert.equal((await send('open')).exitCode, 3)
  assert.equal((await gateway.holdfast('credential', 'narrow', file, 'moon=full', '--out', '-')).exitCode, 2)
})

test('an agent on a key file warns at every start, works, and refuses a file that others can read', async () => {
  await using gateway = await Gateway.start({ enrolled: false })
  const { chmod, readFile: read, writeFile } = await import('node:fs/promises')
  const path = join(gateway.folder, 'master.key')
  await writeFile(path, `${'0123456789abcdef'.repeat(4)}\n`, { mode: 0o600 })
  const config = (await read(gateway.config, 'utf8')).replace(
    /master_key:\n(?: {2}.*\n)+/,
    `master_key:\n  source: file\n  path: ${path}\n`,
  )
  await writeFile(gateway.config, config)
  const enrolled = await gateway.holdfast('enroll', '--config', gateway.config)
  assert.equal(enrolled.exitCode, 0, enrolled.stderr)
  const agent = await gateway.startAgent()
  assert.ok(agent.log.some(({ level, msg }) => level === 40 && /disk/.test(String(msg))))
  const { credential } = await gateway.issue('alice', 'operator')
  assert.equal(
    (await gateway.client(agent.address, credential).command('inlet-valve', 'open')).kind,
    'answered',
  )
  const rotate = await gateway.holdfast('key', 'rotate', '--agent', gateway.adminSocket)
  assert.equal(rotate.exitCode, 3)
  assert.match(rotate.stderr, /docs\/KEY_SOURCES\.md/)
  await agent.kill('SIGTERM')
  await chmod(path, 0o644)
  const second = await gateway.startAgent()
  const refused = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'master-key-unavailable')
})

test('a credential of one environment is dead in another, though everything else is the same', async () => {
  await using gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const elsewhere = { ...credential, keyid: credential.keyid.replace('hf1:demo/', 'hf1:production/') }
  for (const dead of [
    elsewhere,
    { ...credential, keyid: credential.keyid.replace('/waterworks-1/', '/waterworks-2/') },
  ]) {
    const answer = await gateway.client(agent.address, dead).command('inlet-valve', 'open')
    assert.equal(answer.kind === 'problem' && answer.problem.code, 'wrong-gateway')
  }
})
