import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { parseConfig } from '../../../agent/config/load.ts'

const EXAMPLE = readFileSync(
  new URL('../../../examples/water-treatment/holdfast.yaml', import.meta.url),
  'utf8',
)

function load(syslog?: Record<string, unknown>) {
  const document = parseDocument(EXAMPLE)
  if (syslog) document.set('audit', { syslog })
  return parseConfig(document.toString(), '/etc/holdfast/holdfast.yaml')
}

test('an audit log is sent nowhere unless the configuration says where', () => {
  const loaded = load()
  assert.equal(loaded.kind === 'config' && loaded.config.audit.syslog, undefined)
})

test('a syslog receiver has its files beside the configuration, and ends a connection in order unless it is said not to', () => {
  const loaded = load({ tls: '[fd00::1]:6514', ca: 'ca.pem', certificate: 'own.pem', key: '/keys/own.key' })
  assert.deepEqual(loaded.kind === 'config' && loaded.config.audit.syslog, {
    host: 'fd00::1',
    port: 6514,
    ca: '/etc/holdfast/ca.pem',
    certificate: '/etc/holdfast/own.pem',
    key: '/keys/own.key',
    end: 'orderly',
    timeout: 30_000,
  })
})

const WRONG: readonly (readonly [what: string, syslog: Record<string, unknown>, says: RegExp])[] = [
  ['no port', { tls: 'logs.example.com', ca: 'ca.pem' }, /^audit\.syslog\.tls: expected host:port/],
  [
    'a port that there is not',
    { tls: 'logs.example.com:70000', ca: 'ca.pem' },
    /^audit\.syslog\.tls: expected a port/,
  ],
  ['no authority', { tls: 'logs.example.com:6514' }, /^audit\.syslog\.ca: /],
  [
    'a certificate without its key',
    { tls: 'a:6514', ca: 'ca.pem', certificate: 'c' },
    /certificate and key together/,
  ],
  ['plain TCP', { tcp: 'logs.example.com:514', ca: 'ca.pem' }, /^audit\.syslog\.tls: /],
]
for (const [what, syslog, says] of WRONG) {
  test(`a syslog receiver with ${what} is a mistake that is named`, () => {
    const loaded = load(syslog)
    const problems = loaded.kind === 'problems' ? loaded.problems : []
    assert.ok(
      problems.some(({ path, message }) => says.test(`${path}: ${message}`)),
      JSON.stringify(problems),
    )
    for (const { line } of problems) assert.ok(line > 0)
  })
}
