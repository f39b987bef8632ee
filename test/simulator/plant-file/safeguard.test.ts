import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PlantFileError } from '../../../simulator/plant-file/problem.ts'
import { parsePlant } from '../../../simulator/plant-file/read.ts'

const SOUND = `plant: small
plc:
  scan_cycle: 20ms
  watchdog: {kind: register, register: 100, time: 2s, status_register: 210}
  interlocks:
    - {signal: tank.level, above: 2, force: valve.command, to: 0, discrete_input: 5}
  modbus:
    host: 127.0.0.1
    port: 0
    coils:
      - {address: 0, signal: valve.command, fallback: 0, fallback_register: 200}
    input_registers:
      - {address: 7, signal: tank.level}
elements:
  valve: {kind: valve, fills: tank, stroke_time: 3s, flow_l_s: 1}
  tank: {kind: tank, area_m2: 2, height_m: 3, initial_level_m: 1, demand_l_s: 1}
sensors:
  tank.level: {noise: 0.01, lag: 2s}
`

function problemsOf(text: string): readonly string[] {
  try {
    parsePlant(text, 'p.yaml')
  } catch (error) {
    if (error instanceof PlantFileError) return error.lines
    throw error
  }
  return []
}

describe('the safeguards of a plant file', () => {
  it('are read', () => {
    const { plc, sensors } = parsePlant(SOUND, 'p.yaml')
    assert.deepEqual(plc.watchdog, {
      kind: 'register',
      register: 100,
      feed: 'change',
      time: 2000,
      status_register: 210,
      armed: 'feed',
    })
    assert.deepEqual(sensors, { 'tank.level': { noise: 0.01, lag: 2000 } })
    const coupler = SOUND.replace('register, register: 100, time: 2s, status_register: 210', 'beckhoff')
    assert.deepEqual(parsePlant(coupler, 'p.yaml').plc.watchdog, {
      kind: 'beckhoff',
      time: 1000,
      type: 'telegram',
    })
  })

  it('name the line and column of each problem', () => {
    const rows: [from: string, to: string, problem: string][] = [
      [
        'fallback_register: 200',
        'fallback_register: 7',
        'p.yaml:11:77: plc.modbus.coils[0].fallback_register: address 7 of input_registers is mapped twice',
      ],
      [
        'status_register: 210',
        'status_register: 7',
        'p.yaml:4:3: plc.watchdog: address 7 of input_registers is mapped twice',
      ],
      [
        '  watchdog: {kind: register, register: 100, time: 2s, status_register: 210}\n',
        '',
        'p.yaml:10:55: plc.modbus.coils[0].fallback: nothing falls back without plc.watchdog',
      ],
      [
        'fallback: 0, ',
        '',
        'p.yaml:11:64: plc.modbus.coils[0].fallback_register: expected fallback beside it',
      ],
      [
        'kind: register',
        'kind: siemens',
        'p.yaml:4:20: plc.watchdog.kind: expected one of register, beckhoff, wago',
      ],
      [
        'time: 2s',
        'time: 2m, time_register: 7',
        'p.yaml:4:51: plc.watchdog.time: expected at most 65535ms, which is what time_register holds',
      ],
      [
        'register, register: 100, time: 2s, status_register: 210',
        'beckhoff, time: 2m',
        'p.yaml:4:36: plc.watchdog.time: expected at most 65535ms',
      ],
      [
        'register, register: 100, time: 2s, status_register: 210',
        'wago, time: 250ms',
        'p.yaml:4:32: plc.watchdog.time: expected whole tenths of a second, at most 6553500ms',
      ],
      [
        'above: 2',
        'above: 2, below: 1',
        'p.yaml:6:16: plc.interlocks[0].signal: expected either above or below',
      ],
      [
        'signal: tank.level, above',
        'signal: tank.depth, above',
        'p.yaml:6:16: plc.interlocks[0].signal: expected a measurement: valve.position, valve.open, valve.closed, valve.flow, tank.level, tank.outflow, tank.overflow; not tank.depth',
      ],
      [
        'force: valve.command',
        'force: valve.open',
        'p.yaml:6:45: plc.interlocks[0].force: expected a command: valve.command; not valve.open',
      ],
      [
        'signal: valve.command, fallback',
        'fallback',
        'p.yaml:6:45: plc.interlocks[0].force: expected a command of this PLC: it has none; not valve.command',
      ],
      [
        '  tank.level: {noise',
        '  valve.command: {noise',
        'p.yaml:18:3: sensors.valve.command: expected a measurement: valve.position, valve.open, valve.closed, valve.flow, tank.level, tank.outflow, tank.overflow; not valve.command',
      ],
    ]
    for (const [from, to, problem] of rows) {
      const text = SOUND.replace(from, to)
      assert.notEqual(text, SOUND)
      assert.ok(problemsOf(text).includes(problem), problemsOf(text).join('\n'))
    }
  })
})
