import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import type { Config, WatchdogConfig } from '../../../agent/config/config.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { nameOf } from '../../../drivers/point.ts'

const EXAMPLE = readFileSync(
  new URL('../../../examples/water-treatment/holdfast.yaml', import.meta.url),
  'utf8',
)

type Change = readonly [path: readonly (string | number)[], value: unknown]

function load(...changes: readonly Change[]) {
  const document = parseDocument(EXAMPLE)
  for (const [path, value] of changes) document.setIn(path, document.createNode(value))
  const text = document.toString()
  return { text, loaded: parseConfig(text, '/etc/holdfast/holdfast.yaml') }
}

function configOf(...changes: readonly Change[]): Config {
  const { loaded } = load(...changes)
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') throw new Error('unreachable')
  return loaded.config
}

function watchdogOf(config: Config): WatchdogConfig | undefined {
  const device = config.devices.get('plc')
  return device?.kind === 'modbus' ? device.watchdog : undefined
}

/** The problems, each with the text of the line that it is found on. */
function problemsOf(...changes: readonly Change[]) {
  const { text, loaded } = load(...changes)
  const lines = text.split('\n')
  return loaded.kind === 'problems'
    ? loaded.problems.map(({ path, message, line, column }) => {
        assert.ok(column > 1)
        return { path, message, line: lines[line - 1]?.trim() ?? '' }
      })
    : []
}

const WATCHDOG = ['devices', 'plc', 'watchdog'] as const
/** Where the example's PLC is. */
const PLC_WAY = { protocol: 'modbus-tcp', host: '127.0.0.1', port: 15_020 }
const REGISTER = { kind: 'register', register: 100, time: '2s' }
const FALLBACKS: readonly Change[] = [
  [['actuators', 'inlet-valve', 'device_fallback'], { input_register: 200 }],
  [['actuators', 'coolant-pump', 'device_fallback'], { input_register: 201 }],
]

test('a watchdog in a register is kept with what the device has for it', () => {
  const config = configOf(...FALLBACKS, [
    WATCHDOG,
    {
      ...REGISTER,
      feed: 'toggle',
      time_register: 102,
      rearm: { register: 101, value: 165 },
      status: { input_register: 210 },
      on_stop: 'stop',
    },
  ])
  const { spec, points, onStop } = watchdogOf(config) ?? {}
  assert.deepEqual(spec, {
    kind: 'register',
    time: 2000,
    feed: 'toggle',
    takesTime: true,
    showsStatus: true,
    rearm: 165,
  })
  assert.deepEqual(
    [...(points ?? [])].map(([name, point]) => `${name} ${nameOf(point)}`),
    [
      'watchdog.feed holding-register 100',
      'watchdog.time holding-register 102',
      'watchdog.rearm holding-register 101',
      'watchdog.status input-register 210',
    ],
  )
  assert.equal(onStop, 'stop')
  const fallback = config.actuators.get('coolant-pump')?.fallback?.point
  assert.equal(fallback && nameOf(fallback), 'input-register 201')
})

test('unless it says otherwise a watchdog outlives the agent, and an actuator is left as it is', () => {
  const config = configOf(...FALLBACKS, [WATCHDOG, REGISTER])
  assert.equal(watchdogOf(config)?.onStop, 'leave')
  assert.equal(config.actuators.get('inlet-valve')?.onStop, 'keep')
})

test('a coupler that any telegram feeds is fed by reading what is read anyway', () => {
  const config = configOf(...FALLBACKS, [WATCHDOG, { kind: 'beckhoff', time: '2s', type: 'telegram' }])
  const spec = watchdogOf(config)?.spec
  assert.equal(spec?.kind === 'beckhoff' && spec.feed, 'inlet-valve.feedback')
})

const WRONG: readonly (readonly [name: string, path: string, line: RegExp, message: RegExp, ...Change[]])[] =
  [
    [
      'a coupler that sets an output to 0 whose safe state is not 0',
      'actuators.coolant-pump.safe',
      /^safe: "on"$/,
      /sets its outputs to 0, and the safe state on writes 1: wire the output so that 0 is safe; or/,
      [WATCHDOG, { kind: 'wago', time: '2s' }],
    ],
    [
      'a program of which nobody says what shows its fallback',
      'actuators.coolant-pump.device_fallback',
      /^coolant-pump:$/,
      /is missing: expected the point that shows what the device's program sets this output to/,
      [WATCHDOG, REGISTER],
      FALLBACKS[0] as Change,
    ],
    [
      'a time that one lost answer uses up',
      'devices.plc.watchdog.time',
      /1999ms/,
      /at least four times the device's timeout, which is 500ms/,
      [WATCHDOG, { ...REGISTER, time: '1999ms' }],
      ...FALLBACKS,
    ],
    [
      'a time that a slow unit on the same connection uses up',
      'devices.plc.watchdog.time',
      /3999ms/,
      /at least four times the timeout of slow, which is 1000ms: it shares this connection/,
      [WATCHDOG, { ...REGISTER, time: '3999ms' }],
      [['devices', 'slow'], { ...PLC_WAY, unit: 2, timeout: '1s' }],
      ...FALLBACKS,
    ],
    [
      'a time that a WAGO coupler cannot hold',
      'devices.plc.watchdog.time',
      /2050ms/,
      /whole tenths of a second/,
      [WATCHDOG, { kind: 'wago', time: '2050ms' }],
      ...FALLBACKS,
    ],
    [
      'a time that a register cannot hold',
      'devices.plc.watchdog.time',
      /66s/,
      /65535ms at most/,
      [WATCHDOG, { ...REGISTER, time: '66s', time_register: 102 }],
      ...FALLBACKS,
    ],
    [
      'a coupler that only writes feed, and nothing to write',
      'devices.plc.watchdog',
      /watchdog/,
      /expected feed, an output that nothing is wired to/,
      [WATCHDOG, { kind: 'beckhoff', time: '2s' }],
      ...FALLBACKS,
    ],
    [
      'a feed that moves an actuator',
      'actuators.inlet-valve.command',
      /^command: \{ coil: 0 \}$/,
      /the watchdog of plc writes this point too/,
      [WATCHDOG, { kind: 'beckhoff', time: '2s', feed: { coil: 0 } }],
      ...FALLBACKS,
    ],
    [
      'a coupler whose watchdog is to be stopped and cannot be',
      'devices.plc.watchdog.on_stop',
      /on_stop/,
      /does not let its watchdog be stopped while it runs/,
      [WATCHDOG, { kind: 'beckhoff', time: '2s', feed: { coil: 9 }, on_stop: 'stop' }],
      ...FALLBACKS,
    ],
    [
      'a program whose watchdog is to be stopped by nothing',
      'devices.plc.watchdog.on_stop',
      /on_stop/,
      /expected a time_register, in which 0 does/,
      [WATCHDOG, { ...REGISTER, on_stop: 'stop' }],
      ...FALLBACKS,
    ],
    [
      'a fallback where nothing makes the device fall back',
      'actuators.inlet-valve.device_fallback',
      /device_fallback/,
      /nothing makes plc fall back: declare its watchdog/,
      FALLBACKS[0] as Change,
    ],
    [
      'a watchdog of a kind that there is not',
      'devices.plc.watchdog.kind',
      /kind/,
      /expected a watchdog of kind register, beckhoff or wago/,
      [WATCHDOG, { kind: 'moxa', time: '2s' }],
    ],
    [
      'a trip group of which a part is driven to safe at the stop',
      'actuators.coolant-pump.on_stop',
      /^coolant-pump:$/,
      /it trips together with inlet-valve \(trip group tank-1\), which is driven to safe when the agent stops/,
      [['actuators', 'inlet-valve', 'on_stop'], 'safe'],
    ],
  ]

for (const [name, path, line, message, ...changes] of WRONG) {
  test(`found by check, with its place: ${name}`, () => {
    const found = problemsOf(...changes)
    assert.deepEqual(
      found.map(problem => problem.path),
      [path],
      JSON.stringify(found),
    )
    assert.match(found[0]?.message ?? '', message)
    assert.match(found[0]?.line ?? '', line)
  })
}

test('a scaled output that a coupler sets to 0 is at the value that 0 stands for', () => {
  const scaled: Change = [
    ['actuators', 'inlet-valve'],
    {
      device: 'plc',
      command: { holding_register: 20, scale: 0.5, offset: -10 },
      feedback: { input_register: 3 },
      range: { min: -10, max: 90, step: 0.5 },
      safe: -10,
      travel_time: '3s',
    },
  ]
  const wago: Change = [WATCHDOG, { kind: 'wago', time: '2s' }]
  const config = configOf(scaled, wago, FALLBACKS[1] as Change)
  assert.deepEqual(config.actuators.get('inlet-valve')?.fallback, { point: undefined, tolerance: 0.25 })
  const [wrong] = problemsOf(scaled, wago, FALLBACKS[1] as Change, [['actuators', 'inlet-valve', 'safe'], 0])
  assert.match(wrong?.message ?? '', /sets its outputs to -10, and the safe state 0 writes 0/)
})
