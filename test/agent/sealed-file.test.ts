import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { Gateway, HOLDFAST } from './gateway.ts'

test('a master key in a file that is sealed under a systemd credential is made at enrolment, works, and is worth nothing without it', async () => {
  await using gateway = await Gateway.start({
    enrolled: false,
    settings: [[['master_key'], { source: 'file', path: './master.sealed', sealed_under: 'file-key' }]],
  })
  const credentials = join(gateway.folder, 'credentials')
  await mkdir(credentials, { mode: 0o700 })
  await writeFile(join(credentials, 'file-key'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o400 })
  const env = { CREDENTIALS_DIRECTORY: credentials }
  const enroll = (given: Record<string, string>) =>
    execa(HOLDFAST, ['enroll', '--config', gateway.config], { reject: false, stdin: 'ignore', env: given })
  const without = await enroll({})
  assert.equal(without.exitCode, 2)
  assert.match(without.stderr, /systemd gave this process no credentials/)
  const enrolled = await enroll(env)
  assert.equal(enrolled.exitCode, 0, enrolled.stderr)
  assert.doesNotMatch(enrolled.stdout, /lies unencrypted/)
  const file = join(gateway.folder, 'master.sealed')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const before = await readFile(file)

  const agent = await gateway.startAgent(env)
  const { credential } = await gateway.issue('alice', 'operator')
  assert.equal(
    (await gateway.client(agent.address, credential).command('inlet-valve', 'open')).kind,
    'answered',
  )
  await agent.kill('SIGTERM')
  await enroll(env)
  assert.deepEqual(await readFile(file), before, 'enrolling again makes no other key')

  await chmod(join(credentials, 'file-key'), 0o600)
  await writeFile(join(credentials, 'file-key'), `${randomBytes(32).toString('hex')}\n`)
  await chmod(join(credentials, 'file-key'), 0o400)
  const other = await gateway.startAgent(env)
  await other.line(({ alarm }) => alarm === 'master-key-unavailable')
  const refused = await gateway.client(other.address, credential).command('inlet-valve', 'open')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'master-key-unavailable')
})
