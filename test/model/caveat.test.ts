import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  allowsSetpoint,
  type Caveat,
  coversActuator,
  formatCaveat,
  type Grant,
  parseCaveat,
  parseGrant,
} from '../../model/caveat.ts'

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/)
const decimal = fc.integer({ min: -999_999, max: 999_999 }).map(value => value / 100)
const grant: fc.Arbitrary<Grant> = fc.record({
  pattern: fc.stringMatching(/^[a-z0-9*][a-z0-9*-]{0,20}$/),
  setpoints: fc.oneof(
    fc.constant({ kind: 'any' } as const),
    fc.array(name, { minLength: 1, maxLength: 3 }).map(names => ({ kind: 'names', names }) as const),
    fc
      .tuple(decimal, decimal)
      .map(([a, b]) => ({ kind: 'range', min: Math.min(a, b), max: Math.max(a, b) }) as const),
  ),
})
const caveat: fc.Arbitrary<Caveat> = fc.oneof(
  fc
    .stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,30}$/)
    .map(subject => ({ kind: 'subject', subject }) as const),
  name.map(role => ({ kind: 'role', role }) as const),
  fc.array(grant, { minLength: 1, maxLength: 4 }).map(grants => ({ kind: 'actuators', grants }) as const),
  fc
    .array(fc.constantFrom('10.0.0.0/8', 'fd00::/8', 'local', '127.0.0.1/32'), { minLength: 1, maxLength: 3 })
    .map(networks => ({ kind: 'networks', networks }) as const),
  fc
    .integer({ min: 1_000_000_000, max: 9_999_999_999 })
    .map(seconds => ({ kind: 'not-before', seconds }) as const),
  fc
    .integer({ min: 1_000_000_000, max: 9_999_999_999 })
    .map(seconds => ({ kind: 'not-after', seconds }) as const),
  fc.stringMatching(/^[0-9a-f]{64}$/).map(sha256 => ({ kind: 'certificate', sha256 }) as const),
  fc
    .stringMatching(/^spiffe:\/\/[a-z0-9.-]{1,20}(\/[A-Za-z0-9._-]{1,9}){0,3}$/)
    .map(id => ({ kind: 'spiffe', id }) as const),
  fc
    .tuple(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: 1, max: 99_999 }))
    .map(([requests, seconds]) => ({ kind: 'rate', requests, seconds }) as const),
)

test('a caveat that is written is read back the same', () => {
  fc.assert(
    fc.property(caveat, original => {
      const text = formatCaveat(original)
      const read = parseCaveat(text)
      assert.ok(read, text)
      assert.equal(formatCaveat(read), text)
      // -0 and 0 are one number in the grammar.
      assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(original)))
    }),
  )
})

test('what is outside the grammar is no caveat', () => {
  for (const text of [
    '',
    'sub',
    'sub=',
    'sub=a b',
    'SUB=alice',
    'role=Operator',
    'act=',
    'act=a,,b',
    'act=a:',
    'act=a:open|',
    'act=a:1..',
    'act=a:2..1',
    'act=a:open:closed',
    'net=10.0.0.0',
    'net=everywhere',
    'exp=soon',
    'exp=1e9',
    'nbf=-1',
    'rate=10',
    'rate=0/60',
    'rate=10/0',
    'rate=10/60s',
    'tls=abc',
    'tls=AA',
    'spiffe=https://x/y',
    'spiffe=spiffe://x/y?z',
    'spiffe=spiffe://x//y',
    'admin=true',
  ]) {
    assert.equal(parseCaveat(text), undefined, text)
  }
})

test('a pattern covers what it says and nothing else', () => {
  for (const [pattern, actuator, covered] of [
    ['inlet-valve', 'inlet-valve', true],
    ['inlet-valve', 'inlet-valve-2', false],
    ['inlet-valve', 'my-inlet-valve', false],
    ['*', 'anything', true],
    ['pump-*', 'pump-1', true],
    ['pump-*', 'pump-', true],
    ['pump-*', 'pump', false],
    ['*-valve', 'inlet-valve', true],
    ['*-valve', 'inlet-valve-2', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axxbxxc', true],
    ['a*b*c', 'acb', false],
    ['a*bc*c', 'abc', false],
    ['**', 'x', true],
  ] as const) {
    const parsed = parseGrant(pattern)
    assert.ok(parsed)
    assert.equal(coversActuator(parsed, actuator), covered, `${pattern} ${actuator}`)
  }
})

test('a pattern covers an actuator exactly when the same regular expression does', () => {
  const pattern = fc.stringMatching(/^[ab*][ab*-]{0,8}$/)
  const actuator = fc.stringMatching(/^[ab][ab-]{0,10}$/)
  fc.assert(
    fc.property(pattern, actuator, (text, id) => {
      const parsed = parseGrant(text)
      assert.ok(parsed)
      assert.equal(coversActuator(parsed, id), new RegExp(`^${text.replaceAll('*', '.*')}$`).test(id))
    }),
  )
})

test('a grant allows the setpoints it names, or those in its range, bounds included', () => {
  for (const [text, setpoint, allowed] of [
    ['v', 'open', true],
    ['v:open|closed', 'open', true],
    ['v:open|closed', 'ajar', false],
    ['v:open', 1, false],
    ['d:0..50', 50, true],
    ['d:0..50', 50.000001, false],
    ['d:0..50', -1, false],
    ['d:-5..5', -5, true],
    ['d:0..50', '25', false],
  ] as const) {
    const parsed = parseGrant(text)
    assert.ok(parsed)
    assert.equal(allowsSetpoint(parsed, setpoint), allowed, `${text} ${setpoint}`)
  }
})
