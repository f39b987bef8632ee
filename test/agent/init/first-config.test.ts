import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConfig } from '../../../agent/config/load.ts'
import { firstConfig } from '../../../agent/init/first-config.ts'
import { interview } from '../../../agent/init/interview.ts'
import { placeOf } from '../../../agent/init/place.ts'
import { parseDevice, parsePoint, parsePosition } from '../../../agent/init/point.ts'
import type { Answers, Known } from '../../../agent/init/questions.ts'

const TRIAL = placeOf('/home/olga/trial/holdfast.yaml', 1000, undefined)
const PACKAGE = placeOf('/etc/holdfast/holdfast.yaml', 0, { name: 'holdfast', uid: 998, gid: 998 })
const KNOWN: Known = {
  hostname: 'Gateway_7.plant.example',
  login: 'olga',
  hasTpm: true,
  hasCredentials: true,
  isPackaged: true,
}

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/)
const address = fc.nat(65_535)
const anyAnswers: fc.Arbitrary<Answers> = fc
  .record({
    environment: name,
    gateway: name,
    key: fc.constantFrom('tpm', 'systemd-credential', 'file'),
    listen: fc.constantFrom('none', '10.1.0.5:8440', '[fd00::5]:8440', 'gateway-7:8440'),
    networks: fc.constantFrom('10.1.0.0/16', '10.1.0.0/16, fd00::/8'),
    forgeries: fc.constantFrom('alarm', 'count'),
    device: fc.constantFrom('later', '10.1.2.5', 'plc-7:1502', '[fd00::6]', '1e3', 'null'),
    unit: fc.nat(255).map(String),
    valve: name,
    command: fc.oneof(
      address.map(at => `coil:${at}`),
      address.map(at => `holding_register:${at}`),
    ),
    feedback: fc.oneof(
      address.map(at => `discrete_input:${at}`),
      address.map(at => `input_register:${at}`),
    ),
    travelTime: fc.constantFrom('500ms', '3s', '2m'),
    safe: fc.constantFrom('closed', 'open', 'hold'),
    admin: fc.constant('kim'),
  })
  .map(answers => ({ ...answers, closed: '0,0', open: '1,1' }))

test('whatever is answered rightly becomes a configuration without a mistake, which says what was answered', async () => {
  await fc.assert(
    fc.asyncProperty(anyAnswers, fc.constantFrom(TRIAL, PACKAGE), async (given, place) => {
      const heard = await interview(given, KNOWN, undefined, true)
      assert.equal(heard.kind, 'answered', JSON.stringify(heard))
      if (heard.kind !== 'answered') return
      const { answers } = heard
      const text = firstConfig(answers, place, '2026-11-22')
      const loaded = parseConfig(text, place.config)
      assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
      if (loaded.kind !== 'config') return
      const { config } = loaded
      assert.equal(config.environment, given.environment)
      assert.equal(config.gateway, given.gateway)
      assert.equal(config.stateDir, place.stateDir)
      assert.equal(config.masterKey.source, given.key)
      assert.equal(config.listeners.length, given.listen === 'none' ? 2 : 3)
      const lan = config.listeners.find(({ kind }) => kind === 'tcp')
      if (lan?.kind === 'tcp') assert.equal(lan.unattributedFailures, given.forgeries)
      const valve = config.actuators.get(given.valve ?? '')
      assert.equal(valve !== undefined, given.device !== 'later')
      if (!valve) return
      assert.equal(valve.safe?.setpoint, given.safe === 'hold' ? undefined : given.safe)
      assert.equal(valve.onStop, 'keep')
      assert.deepEqual(
        [valve.guards.tripsOn.authenticationFailures, valve.guards.tripsOn.operatorHeartbeat],
        [true, undefined],
      )
    }),
  )
})

test('the example that is commented out is whole once the # are taken away, as it says', () => {
  const text = firstConfig(
    { environment: 'a', gateway: 'b', key: 'tpm', device: 'later' },
    TRIAL,
    '2026-11-22',
  )
  const lines = text.split('\n')
  const from = lines.indexOf('devices: {}')
  const until = lines.findIndex(line => line.startsWith('# Actuators that trip together'))
  const example = lines
    .slice(from, until)
    .filter(line => !line.endsWith('{}'))
    .map(line => line.replace(/^# /, ''))
  const mended = [...lines.slice(0, from), ...example].join('\n')
  const loaded = parseConfig(mended, TRIAL.config)
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind === 'config') assert.deepEqual([...loaded.config.actuators.keys()], ['inlet-valve'])
})

test('options that are wrong are all named, before anybody is asked', async () => {
  const asker = {
    ask: () => assert.fail('somebody was asked'),
    say: () => assert.fail('somebody was told'),
  }
  const wrong: Answers = {
    environment: 'North Works',
    key: 'post-it',
    escrow: '5-of-3',
    listen: '8440',
    device: 'http://plc',
    unit: '256',
    command: 'input_register:0',
    feedback: 'coil:65536',
    open: '1',
    travelTime: '0s',
    safe: 'ajar',
    admin: 'kim müller',
  }
  const heard = await interview(wrong, KNOWN, asker, false)
  assert.equal(heard.kind, 'mistakes')
  if (heard.kind === 'mistakes')
    assert.equal(heard.mistakes.length, Object.keys(wrong).length, heard.mistakes.join('\n'))
})

test('a point, a position and a device are read, and nothing that only resembles one', () => {
  assert.deepEqual(parsePoint('coil:0'), { table: 'coil', address: 0 })
  assert.deepEqual(parsePoint('input_register 65535'), { table: 'input_register', address: 65_535 })
  for (const text of ['coil', 'coil:-1', 'coil:65536', 'coils:1', '40001', ''])
    assert.equal(parsePoint(text), undefined, text)
  assert.deepEqual(parsePosition('1,1000'), { write: 1, feedback: 1000 })
  assert.deepEqual(parsePosition('-1.5 , 2'), { write: -1.5, feedback: 2 })
  for (const text of ['1', '1,', ',1', '1e3,1', 'NaN,1']) assert.equal(parsePosition(text), undefined, text)
  assert.deepEqual(parseDevice('plc-7'), { host: 'plc-7', port: 502 })
  assert.deepEqual(parseDevice('[fd00::5]:1502'), { host: 'fd00::5', port: 1502 })
  for (const text of ['', 'plc:0', 'plc:65536', 'fd00::5', 'http://plc', 'a b'])
    assert.equal(parseDevice(text), undefined, text)
})
