import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { Gateway } from '../gateway.ts'
import { guardedGateway } from '../guarded-gateway.ts'
import { examine } from './examine.ts'

async function change(of: Gateway, path: readonly (string | number)[], value: unknown): Promise<void> {
  const document = parseDocument(await readFile(of.config, 'utf8'))
  document.setIn(path, document.createNode(value))
  await writeFile(of.config, document.toString())
}

test('a device whose fallback is the safe state is good; nothing of it is armed, fed or written', async () => {
  await using gateway = await guardedGateway()
  const { exitCode, told, errors } = await examine(gateway)
  assert.deepEqual(errors, [])
  assert.equal(exitCode, 0)
  assert.ok(
    told.findings.some(({ text }) => text === 'plc: its fallback is the safe state; its watchdog is off'),
  )
  assert.equal(gateway.plant.watchdog, 'off')
})

test('a device that would fall back to something else than the safe state is an error', async () => {
  await using gateway = await guardedGateway({ plant: [[['plc', 'modbus', 'coils', 1, 'fallback'], 0]] })
  const { exitCode, errors } = await examine(gateway)
  assert.equal(exitCode, 6)
  assert.match(errors.join('\n'), /^watchdogs: coolant-pump: without this agent plc sets it to 0/)
})

test('a device that answers, and not for a point that is configured, names the point', async () => {
  await using gateway = await Gateway.start()
  await change(gateway, ['actuators', 'inlet-valve', 'feedback'], { input_register: 60_000 })
  const { exitCode, errors } = await examine(gateway)
  assert.equal(exitCode, 6)
  assert.match(errors.join('\n'), /^devices: plc answers, and not for inlet-valve feedback: /)
})

test('a key file that others can read is not used, and two checks say so', async () => {
  await using gateway = await Gateway.start({ enrolled: false })
  const path = join(gateway.folder, 'master.key')
  await writeFile(path, `${'0123456789abcdef'.repeat(4)}\n`, { mode: 0o600 })
  await change(gateway, ['master_key'], { source: 'file', path })
  const enrolled = await gateway.holdfast('enroll', '--config', gateway.config)
  assert.equal(enrolled.exitCode, 0, enrolled.stderr)
  assert.deepEqual((await examine(gateway, ['--offline'])).errors, [])
  await chmod(path, 0o644)
  const { exitCode, errors } = await examine(gateway, ['--offline'])
  assert.equal(exitCode, 6)
  assert.match(errors.join('\n'), /^permissions: the key file .* 0644: others may read/m)
  assert.match(errors.join('\n'), /^master key: file \(.*\): the key file/m)
})

test('a master key that is due is a warning, and one whose file is damaged is an error', async () => {
  await using gateway = await Gateway.start()
  await change(gateway, ['credentials', 'rotation_due'], '1ms')
  const due = await examine(gateway, ['--offline'])
  assert.equal(due.exitCode, 0)
  assert.match(due.warnings.join('\n'), /^rotation: the master key is .* old, and was due after 1ms/m)
  const record = join(gateway.folder, 'state', 'master-key', 'generation-1.json')
  await writeFile(record, (await readFile(record, 'utf8')).slice(0, 100))
  const damaged = await examine(gateway, ['--offline'])
  assert.equal(damaged.exitCode, 6)
  assert.match(damaged.errors.join('\n'), /^master key: generation 1: .* is damaged/m)
})

test('an audit log that waits for its receiver says how much is waiting', async () => {
  await using gateway = await Gateway.start()
  await change(gateway, ['audit'], { syslog: { tls: '127.0.0.1:6514', ca: './nobody.pem' } })
  const { told, errors } = await examine(gateway, ['--offline'])
  assert.ok(told.findings.some(({ text }) => /^[0-9]+ records wait to be sent to the other host$/.test(text)))
  assert.deepEqual(
    errors.map(text => text.replace(/: .*/, '')),
    ['certificates'],
  )
})
