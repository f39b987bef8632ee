import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { journalStream } from '../../../agent/service/journal.ts'

const STDOUT = { dev: 8, ino: 4711 }

function linesOf(journal: string | undefined): string[] {
  const lines: string[] = []
  const log = pino(
    { level: 'trace', base: null, timestamp: false },
    journalStream({ write: text => lines.push(text) }, journal, STDOUT),
  )
  for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const) log[level](level)
  log.child({ part: 'a' }).error('child')
  return lines
}

test('each line begins with its syslog priority where standard output is the journal', () => {
  assert.deepEqual(
    linesOf('8:4711').map(line => /^<(\d)>\{.*"msg":"(.*)"\}\n$/.exec(line)?.slice(1)),
    [
      ['2', 'fatal'],
      ['3', 'error'],
      ['4', 'warn'],
      ['6', 'info'],
      ['7', 'debug'],
      ['7', 'trace'],
      ['3', 'child'],
    ],
  )
})

for (const journal of [undefined, '', '8:4712', '9:4711', 'nonsense']) {
  test(`lines are bare JSON where JOURNAL_STREAM is ${JSON.stringify(journal)}: standard output is something else`, () => {
    for (const line of linesOf(journal)) assert.equal(typeof JSON.parse(line).msg, 'string')
  })
}
