import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Command } from 'commander'
import { holdfastCommands } from '../../bin/program/commands.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../deploy/debian/holdfast.1'), 'utf8')

/** What can be called, with what it has to be given: `device show device`. */
function callable(command: Command, before: readonly string[] = []): string[] {
  return command.commands.flatMap(child => {
    const name = [...before, child.name()]
    if (child.commands.length > 0) return callable(child, name)
    return [[...name, ...child.registeredArguments.map(argument => wordOf(argument.name()))].join(' ')]
  })
}

/** The page calls some arguments by an example, or otherwise than the help. */
function wordOf(argument: string): string {
  return argument === 'plant' ? 'plant.yaml' : argument
}

/** The calls that the page has an entry for, without its marks of type and brackets. */
function entries(page: string): string[] {
  return page
    .split('\n')
    .filter(line => /^\.BI? "?holdfast [a-z]/.test(line))
    .map(line =>
      line
        .replace(/^\.BI? /, '')
        .replace(/\\f[RP]|\\?["[\]]|\.\.\./g, '')
        .replaceAll('\\-', '-')
        .replace(/ +/g, ' ')
        .trim(),
    )
}

test('the manual page has an entry for every command that there is, with its arguments, and for nothing else', () => {
  const found = new Set(entries(PAGE))
  // In a sentence of its own, without an entry.
  assert.match(PAGE, /^\.B holdfast \\-\\-help$/m)
  assert.deepEqual(
    [...found].sort(),
    callable(holdfastCommands('0'))
      .map(call => `holdfast ${call}`)
      .sort(),
  )
})
