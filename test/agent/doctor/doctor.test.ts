import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import Database from 'better-sqlite3'
import { execa } from 'execa'
import { Gateway, HOLDFAST } from '../gateway.ts'
import { noSmallDisk, onSmallDisk } from '../small-disk.ts'
import { examine } from './examine.ts'

let gateway: Gateway

before(async () => {
  gateway = await Gateway.start()
})

after(() => gateway[Symbol.asyncDispose]())

/** What every file of a gateway is, and when it was last written. */
async function traces(of: Gateway): Promise<string> {
  const { stdout } = await execa('find', [of.folder, '-not', '-path', '*/tpm*', '-printf', '%p %m %s %T@\n'])
  return stdout.split('\n').sort().join('\n')
}

test('a healthy gateway without an agent: no error, every check reported, nothing changed', async () => {
  const before = await traces(gateway)
  const { exitCode, told, errors } = await examine(gateway)
  assert.deepEqual(errors, [])
  assert.equal(exitCode, 0)
  const checks = [...new Set(told.findings.map(({ check }) => check))]
  assert.deepEqual(checks, [
    ...['kernel', 'systemd', 'configuration', 'clock', 'permissions', 'disk', 'audit log', 'TPM'],
    ...['master key', 'audit counter', 'rotation', 'ports', 'devices', 'watchdogs', 'unit', 'agent'],
  ])
  assert.ok(told.findings.some(({ text }) => /generation 1 .* works: an HMAC took/.test(text)))
  assert.ok(
    told.findings.some(({ text }) => /log is bound .* 0x01.*: it has every count up to 2$/.test(text)),
  )
  assert.ok(told.findings.some(({ text }) => /plc answers: 4 points read/.test(text)))
  assert.ok(told.findings.every(({ level, remedy }) => level === 'ok' || level === 'not-checked' || remedy))
  assert.equal(await traces(gateway), before)
})

test('beside a running agent: its port and sockets are its own, and what it says is in the report', async () => {
  await using own = await Gateway.start()
  await using agent = await own.startAgent()
  const port = Number(new URL(agent.address).port)
  await writeFile(
    own.config,
    (await readFile(own.config, 'utf8')).replace('tcp: 127.0.0.1:0', `tcp: 127.0.0.1:${port}`),
  )
  const { exitCode, told, errors } = await examine(own)
  assert.deepEqual(errors, [])
  assert.equal(exitCode, 0)
  const texts = told.findings.map(({ text }) => text)
  assert.equal(texts.filter(text => text.endsWith('the agent listens')).length, 3, texts.join('\n'))
  assert.ok(texts.some(text => /^an agent answers, up /.test(text)))
})

test('five faults at once are five errors, each with what to do about it', async () => {
  await using own = await Gateway.start()
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using _closed = { [Symbol.asyncDispose]: async () => void server.close() }
  const { port } = server.address() as { port: number }
  await writeFile(
    own.config,
    (await readFile(own.config, 'utf8')).replace('tcp: 127.0.0.1:0', `tcp: 127.0.0.1:${port}`),
  )
  await chmod(join(own.folder, 'state'), 0o755)
  await writeFile(join(own.folder, 'state', 'clock.json'), JSON.stringify({ floor: Date.UTC(2100, 0, 1) }), {
    mode: 0o600,
  })
  await own.tpm.stop()
  await own.plant[Symbol.asyncDispose]()
  const { exitCode, told, errors } = await examine(own)
  assert.equal(exitCode, 6)
  for (const wished of [
    /^clock: it has been 2100-01-01/,
    /^permissions: the state directory .* 0755: others may read/,
    /^master key: TPM: /,
    /^ports: listener plant-lan: .* has this port/,
    /^devices: plc does not answer: /,
  ])
    assert.ok(
      errors.some(text => wished.test(text)),
      `${wished}: ${errors.join('\n')}`,
    )
  assert.ok(told.findings.every(({ level, remedy }) => level !== 'error' || remedy))
  // The printed table says the same, in 80 columns; a path is never broken.
  const { stdout } = await execa(HOLDFAST, ['doctor', '--config', own.config], { reject: false })
  const long = stdout.split('\n').filter(line => [...line].length > 80 && /\s\S+\s+\S+.* /.test(line.trim()))
  assert.deepEqual(
    long.filter(line => !line.includes(own.folder)),
    [],
  )
})

test('--offline touches no device', async () => {
  await using own = await Gateway.start()
  await own.plant[Symbol.asyncDispose]()
  const { exitCode, told } = await examine(own, ['--offline'])
  assert.equal(exitCode, 0)
  const skipped = told.findings.filter(({ text }) => text.startsWith('--offline'))
  assert.deepEqual(
    skipped.map(({ check, level }) => `${check} ${level}`),
    ['devices not-checked', 'watchdogs not-checked'],
  )
})

test('a configuration with a mistake ends with 2, and only the host is looked at besides', async () => {
  await using own = await Gateway.start({ enrolled: false })
  await writeFile(own.config, 'environment: A\n')
  const { exitCode, told, errors } = await examine(own)
  assert.equal(exitCode, 2)
  assert.match(errors.join('\n'), /holdfast\.yaml:1:14: environment: /)
  assert.ok(told.findings.some(({ check, level }) => check === 'kernel' && level === 'ok'))
  assert.ok(told.findings.some(({ check, level }) => check === 'audit log' && level === 'not-checked'))
})

test('before enrolment it says what is missing, and makes nothing', async () => {
  await using own = await Gateway.start({ enrolled: false })
  const { exitCode, errors } = await examine(own)
  assert.equal(exitCode, 6)
  assert.ok(errors.some(text => /^audit log: there is no audit log/.test(text)))
  await assert.rejects(stat(join(own.folder, 'state')), { code: 'ENOENT' })
})

test('an audit log that is no log any more is an error', async () => {
  await using own = await Gateway.start()
  await writeFile(own.auditLog, 'x'.repeat(4096))
  const damaged = await examine(own, ['--offline'])
  assert.equal(damaged.exitCode, 6)
  assert.match(damaged.errors.join('\n'), /^audit log: .*cannot be read/m)
  await truncate(own.auditLog, 0)
  assert.match((await examine(own, ['--offline'])).errors.join('\n'), /^audit log: .*is empty/m)
})

test('an audit.vkey of another log is one error, which says that and nothing of a roll-back, until the right one is back', async () => {
  await using own = await Gateway.start()
  await using other = await Gateway.start()
  const vkey = join(own.folder, 'state', 'audit.vkey')
  const right = await readFile(vkey)
  await writeFile(vkey, await readFile(join(other.folder, 'state', 'audit.vkey')))
  const { errors, warnings, told } = await examine(own, ['--offline'])
  const [log, ...more] = errors
  assert.match(
    log ?? '',
    /^audit log: \/\S+\/audit\.vkey is not the public key of this log: it has \S+\+[0-9a-f]{8}, and the newest checkpoint is signed by \S+\+[0-9a-f]{8}$/,
  )
  assert.deepEqual(more, [])
  assert.ok(!warnings.some(text => /^audit/.test(text)))
  const counter = told.findings.find(({ check }) => check === 'audit counter')
  assert.equal(counter?.level, 'not-checked')
  assert.match(counter?.text ?? '', /no key in \S+ has signed any of its checkpoints$/)
  const remedy = told.findings.find(({ check, level }) => check === 'audit log' && level === 'error')?.remedy
  assert.match(
    remedy ?? '',
    /^copy audit\.vkey back from where you keep it; where your copy has no other key, /,
  )
  const status = await own.holdfast('tpm', 'status', '--config', own.config)
  assert.match(status.stdout, /cannot be compared with the TPM's counter: no key in/)
  assert.ok(!/rolled back/.test(status.stdout))

  await writeFile(vkey, 'no key\n')
  assert.match(
    (await examine(own, ['--offline'])).errors.join('\n'),
    /^audit log: there is no public key in \S+$/,
  )
  await writeFile(vkey, right)
  assert.deepEqual((await examine(own, ['--offline'])).errors, [])
})

test('a newest checkpoint that was changed is an error of the log, and not of the key', async () => {
  await using own = await Gateway.start()
  const database = new Database(own.auditLog)
  const signature = "substr(note, 1, length(note) - 8) || 'AAAA' || substr(note, -4)"
  database.exec(
    `DROP TRIGGER IF EXISTS checkpoint_holds; UPDATE checkpoint SET note = ${signature} WHERE note IS NOT NULL`,
  )
  database.close()
  const { errors } = await examine(own, ['--offline'])
  assert.match(errors.join('\n'), /^audit log: its newest checkpoint is not what its key signed$/m)
})

test('a disk that is full, and one that is memory, are errors', { skip: noSmallDisk() }, async () => {
  await using own = await Gateway.start()
  const { exitCode, errors } = await examine(own, ['--offline'], onSmallDisk(own, 'full'))
  assert.equal(exitCode, 6)
  assert.match(errors.join('\n'), /^disk: .* is in memory \(tmpfs\)/m)
  assert.match(errors.join('\n'), /^disk: 0 MB are free/m)
})

test('a user who may not look into the state is told what was not checked, and why', async t => {
  if (process.getuid?.() !== 0) return t.diagnostic('becoming another user takes root')
  await using own = await Gateway.start()
  await chmod(own.folder, 0o755)
  await chmod(own.config, 0o644)
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--']
  const { exitCode, told, stderr } = await examine(own, ['--offline'], nobody)
  assert.equal(exitCode, 0, stderr + JSON.stringify(told))
  const skipped = told.findings.filter(({ text }) => /this user may not look/.test(text))
  assert.deepEqual([...new Set(skipped.map(({ check }) => check))].sort(), [
    ...['audit counter', 'audit log', 'disk', 'master key', 'permissions', 'rotation'],
  ])
})
