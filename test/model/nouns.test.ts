import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseKeyId } from '../../model/credential.ts'
import { DEFAULT_ROLES, defineRoles, permissionsOf } from '../../model/role.ts'
import { resolveSetpoint, type SetpointDomain, setpointAt } from '../../model/setpoint.ts'
import { formatDuration, parseDuration } from '../../model/time.ts'

const valve: SetpointDomain = {
  kind: 'positions',
  positions: new Map([
    ['closed', { write: 0, feedback: 0 }],
    ['open', { write: 1, feedback: 1000 }],
  ]),
}
const damper: SetpointDomain = { kind: 'range', min: 0, max: 100, step: 1, unit: '%' }

test('durations are whole numbers with a unit, and nothing else', () => {
  for (const [text, ms] of [
    ['250ms', 250],
    ['3s', 3000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    ['0s', undefined],
    ['1.5s', undefined],
    ['3 s', undefined],
    ['3', undefined],
    ['-3s', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(parseDuration(text), ms, text)
  }
  assert.deepEqual([80, 4200, 60_000, 5_400_000, 86_400_000 * 3].map(formatDuration), [
    '80ms',
    '4.2s',
    '1m',
    '1h 30m',
    '3d',
  ])
})

test('a setpoint that the actuator cannot take has no target', () => {
  assert.deepEqual(resolveSetpoint(valve, 'open'), { setpoint: 'open', write: 1, feedback: 1000 })
  for (const setpoint of ['ajar', 1, '', 'toString', 'OPEN'])
    assert.equal(resolveSetpoint(valve, setpoint), undefined)
  assert.deepEqual(resolveSetpoint(damper, 40), { setpoint: 40, write: 40, feedback: 40 })
  for (const setpoint of ['40', -1, 101, 12.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(resolveSetpoint(damper, setpoint), undefined)
  }
})

test('feedback between two positions is neither of them', () => {
  assert.equal(setpointAt(valve, 5, 10), 'closed')
  assert.equal(setpointAt(valve, 995, 10), 'open')
  assert.equal(setpointAt(valve, 500, 10), undefined)
})

test('several roles allow only what each of them allows, and an unknown one allows nothing', () => {
  const of = (...names: string[]) => [...permissionsOf(DEFAULT_ROLES, names)]
  const operator = ['read', 'command', 'trip', 'acknowledge']
  assert.deepEqual(of('admin'), [...operator, 'reset', 'lockout', 'issue', 'revoke', 'rotate'])
  assert.deepEqual(of('admin', 'operator'), operator)
  assert.deepEqual(of('operator', 'admin'), operator)
  assert.deepEqual(of('engineer'), [...operator, 'reset', 'lockout'])
  assert.deepEqual(of('admin', 'wizard'), [])
  assert.deepEqual(of(), [])
})

test("a role of the configuration's own stands beside the defaults, or takes one's place", () => {
  const roles = defineRoles({ 'key-officer': ['read', 'issue'], engineer: ['read'] })
  assert.deepEqual([...permissionsOf(roles, ['key-officer'])], ['read', 'issue'])
  assert.deepEqual([...permissionsOf(roles, ['engineer'])], ['read'])
  assert.deepEqual([...permissionsOf(roles, ['operator'])], ['read', 'command', 'trip', 'acknowledge'])
})

test('a keyid has one form', () => {
  const good = 'hf1:demo/waterworks-1/1/20779/AAECAwQFBgcICQoL;sub=alice;exp=1795328793'
  assert.deepEqual(parseKeyId(good), {
    identifier: 'hf1:demo/waterworks-1/1/20779/AAECAwQFBgcICQoL',
    environment: 'demo',
    gateway: 'waterworks-1',
    generation: 1,
    epoch: 20779,
    serial: 'AAECAwQFBgcICQoL',
    caveats: ['sub=alice', 'exp=1795328793'],
  })
  for (const bad of [
    '',
    'hf2:demo/g/1/2/AAECAwQFBgcICQoL',
    'hf1:demo/g/01/2/AAECAwQFBgcICQoL',
    'hf1:demo/g/1/2/short',
    'hf1:Demo/g/1/2/AAECAwQFBgcICQoL',
    'hf1:demo/g/1/2/AAECAwQFBgcICQoL;',
    'hf1:demo/g/1/2/AAECAwQFBgcICQoL;;sub=a',
    'hf1:demo/g/1/2/AAECAwQFBgcICQoL;sub=a b',
    `hf1:demo/g/1/2/AAECAwQFBgcICQoL${';sub=a'.repeat(33)}`,
    `hf1:demo/g/1/2/AAECAwQFBgcICQoL;sub=${'a'.repeat(3000)}`,
  ]) {
    assert.equal(parseKeyId(bad), undefined, bad)
  }
})
