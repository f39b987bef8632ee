import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { systemClock } from '../../agent/time/system-clock.ts'
import { auditCommand } from '../../bin/program/audit.ts'
import { addCredentials } from '../../bin/program/credentials.ts'
import { addDevices } from '../../bin/program/device.ts'
import { addHost } from '../../bin/program/host.ts'
import { addInit } from '../../bin/program/init.ts'
import { addOperation } from '../../bin/program/operation.ts'

/** These print no report: a log that is JSON as it is, and records in the format that is asked for. */
const OTHERWISE = ['agent', 'audit export']

function leaves(command: Command, path: readonly string[]): { path: string; command: Command }[] {
  if (command.commands.length === 0) return [{ path: path.join(' '), command }]
  return command.commands.flatMap(child => leaves(child, [...path, child.name()]))
}

const program = new Command('holdfast')
for (const add of [addInit, addHost, addCredentials, addOperation, addDevices]) add(program)
program.addCommand(auditCommand(() => {}, '0', systemClock))

test('every program that reports takes --json, and says in its help what it is for', () => {
  const all = leaves(program, [])
  assert.ok(all.length > 45, `${all.length}`)
  const without = all.filter(({ command }) => !command.options.some(({ long }) => long === '--json'))
  assert.deepEqual(
    without.map(({ path }) => path),
    OTHERWISE,
  )
  for (const { path, command } of all) {
    assert.notEqual(command.description(), '', path)
    for (const { flags, description } of command.options) assert.notEqual(description, '', `${path} ${flags}`)
    assert.match(command.helpInformation(), /^Usage: /, path)
  }
})
