import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkClock } from '../../../agent/doctor/clock.ts'
import { checkKernel, checkSystemd } from '../../../agent/doctor/kernel.ts'
import { checkRotation } from '../../../agent/doctor/master-key.ts'
import { checkAgent } from '../../../agent/doctor/running-agent.ts'
import { checkUnit } from '../../../agent/doctor/unit.ts'
import { lines } from './found.ts'

const levels = (findings: Parameters<typeof lines>[0]) => findings.map(({ level }) => level)

test('a kernel is compared as two numbers, and one that says neither is a warning', () => {
  for (const [release, level] of [
    ['5.4.0', 'ok'],
    ['5.10.0-28-amd64', 'ok'],
    ['6.1.0-18-cloud-amd64', 'ok'],
    ['10.0-rc1', 'ok'],
    ['5.3.18-lp152', 'error'],
    ['4.19.0-26-amd64', 'error'],
    ['4.9', 'error'],
    ['unknown', 'warning'],
  ] as const)
    assert.deepEqual(levels(checkKernel(release)), [level], release)
})

test('a systemd that does not know the whole unit is a warning, and so is none', () => {
  for (const [said, level] of [
    ['systemd 252 (252.39-1~deb12u2)', 'ok'],
    ['systemd 248 (248)', 'ok'],
    ['systemd 247 (247.3-7+deb11u5)', 'warning'],
    [undefined, 'warning'],
    ['', 'warning'],
  ] as const)
    assert.deepEqual(levels(checkSystemd(said)), [level], said ?? 'none')
})

const NOW = Date.UTC(2026, 10, 22)

test('a clock at 1970, one that has been later, and one that nobody keeps are three findings', () => {
  const facts = { wall: NOW, floor: NOW - 1000, synchronised: true } as const
  for (const [changed, wished] of [
    [{}, ['ok', 'ok']],
    [{ wall: 0 }, ['error', 'error', 'ok']],
    [{ wall: 0, floor: undefined }, ['error', 'ok']],
    [{ floor: NOW + 3_600_000 }, ['ok', 'error', 'ok']],
    [{ floor: NOW + 9000 }, ['ok', 'ok']],
    [{ floor: 'unread' }, ['ok', 'not-checked', 'ok']],
    [{ synchronised: false }, ['ok', 'warning']],
    [{ synchronised: undefined }, ['ok', 'warning']],
  ] as const)
    assert.deepEqual(levels(checkClock({ ...facts, ...changed })), wished, JSON.stringify(changed))
  assert.match(lines(checkClock({ ...facts, wall: 0, floor: undefined }))[0] ?? '', /1970-01-01.*never set/)
})

test('a master key is due by its age, and one from the future is an error', () => {
  const day = 86_400_000
  assert.deepEqual(levels(checkRotation(NOW - day, 90 * day, NOW)), ['ok'])
  assert.deepEqual(levels(checkRotation(NOW - 91 * day, 90 * day, NOW)), ['warning'])
  assert.deepEqual(levels(checkRotation(NOW + day, 90 * day, NOW)), ['error'])
  assert.deepEqual(levels(checkRotation(undefined, 90 * day, NOW)), ['not-checked'])
})

const UNIT = {
  LoadState: 'loaded',
  UnitFileState: 'enabled',
  ActiveState: 'active',
  SubState: 'running',
  Result: 'success',
  NRestarts: '0',
  ActiveEnterTimestamp: 'Sun 2026-11-22 10:00:00 UTC',
  ExecMainStatus: '0',
  DropInPaths: '',
}
const shown = (changed: Partial<typeof UNIT>) =>
  Object.entries({ ...UNIT, ...changed })
    .map(pair => pair.join('='))
    .join('\n')
const GOOD = '→ Overall exposure level for holdfast.service: 1.2 OK :-)'

test('the unit: running, failed, starting again and again, off, disabled, restarted, opened by a drop-in', () => {
  for (const [changed, analysed, wished] of [
    [{}, GOOD, ['ok', 'ok']],
    [{ ActiveState: 'failed', Result: 'exit-code', ExecMainStatus: '2' }, GOOD, ['error', 'ok']],
    [{ ActiveState: 'activating', SubState: 'auto-restart' }, GOOD, ['error', 'ok']],
    [{ ActiveState: 'inactive' }, GOOD, ['warning', 'ok']],
    [{ UnitFileState: 'disabled' }, GOOD, ['ok', 'warning', 'ok']],
    [{ NRestarts: '7' }, GOOD, ['ok', 'warning', 'ok']],
    [
      { DropInPaths: '/etc/systemd/system/holdfast.service.d/own.conf' },
      'Overall exposure level for holdfast.service: 6.4 MEDIUM',
      ['ok', 'warning'],
    ],
    [{}, undefined, ['ok']],
    [{ LoadState: 'not-found' }, undefined, ['error']],
  ] as const)
    assert.deepEqual(levels(checkUnit(shown(changed), analysed)), wished, JSON.stringify(changed))
})

test('an agent that hangs is an error, one that is not there is not; what is tripped is said', () => {
  assert.deepEqual(levels(checkAgent(undefined, false)), ['warning'])
  assert.deepEqual(levels(checkAgent(undefined, true)), ['error'])
  const word = { uptime: '3h', troubles: [], phases: new Map([['inlet-valve', 'normal']]) }
  assert.deepEqual(levels(checkAgent(word, true)), ['ok'])
  const sick = { ...word, troubles: ['clock: it is 1970'], phases: new Map([['inlet-valve', 'tripped']]) }
  assert.deepEqual(levels(checkAgent(sick, true)), ['ok', 'error', 'warning'])
})
