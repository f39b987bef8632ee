import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PlantFileError } from '../../../simulator/plant-file/problem.ts'
import { parsePlant, readPlant } from '../../../simulator/plant-file/read.ts'
import { WATER_PLANT } from '../water-plant.ts'

const SOUND = `plant: small
plc:
  scan_cycle: 20ms
  modbus:
    host: 127.0.0.1
    port: 0
    coils:
      - {address: 0, signal: valve.command}
elements:
  valve: {kind: valve, fills: tank, stroke_time: 3s, flow_l_s: 1}
  tank: {kind: tank, area_m2: 2, height_m: 3, initial_level_m: 1, demand_l_s: 1}
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

describe('a plant file', () => {
  it('is read with its defaults filled in and its durations in milliseconds', () => {
    const { plc, elements, faults } = parsePlant(SOUND, 'p.yaml')
    assert.equal(plc.scan_cycle, 20)
    assert.equal(plc.modbus.unit, 1)
    assert.deepEqual(elements.valve, {
      kind: 'valve',
      fills: 'tank',
      stroke_time: 3000,
      flow_l_s: 1,
      leakage_l_s: 0,
      initial_position: 0,
    })
    assert.equal(elements.tank?.kind === 'tank' && elements.tank.overflow_level_m, 3)
    assert.deepEqual(faults, [])
  })

  it('names the line and column of each problem and what was expected there', () => {
    const rows: [from: string, to: string, problem: string][] = [
      ['small', 'Small Plant', 'p.yaml:1:8: plant: expected a name of a-z, 0-9 and hyphens'],
      ['20ms', '20', 'p.yaml:3:15: plc.scan_cycle: expected a duration such as 10ms, 3s or 15m'],
      [
        '20ms',
        'soon',
        'p.yaml:3:15: plc.scan_cycle: expected a duration such as 10ms, 3s or 15m, not "soon"',
      ],
      ['port: 0', 'port: 65536', 'p.yaml:6:11: plc.modbus.port: expected at most 65535'],
      ['port: 0', 'portt: 0', 'p.yaml:4:3: plc.modbus.port: is missing: expected a number'],
      ['address: 0', 'address: 0.5', 'p.yaml:8:19: plc.modbus.coils[0].address: expected a whole number'],
      [
        'signal: valve.command',
        'signal: valve.position',
        'p.yaml:8:30: plc.modbus.coils[0].signal: expected a command: valve.command; not valve.position',
      ],
      [
        'kind: valve',
        'kind: vlave',
        'p.yaml:10:17: elements.valve.kind: expected one of valve, pump, tank, cooling-loop',
      ],
      [
        'fills: tank',
        'fills: tnak',
        'p.yaml:10:31: elements.valve.fills: expected the name of a tank; tnak is none',
      ],
      ['flow_l_s: 1}', 'flow_l_s: 1, leek: 2}', 'p.yaml:10:67: elements.valve.leek: is not a known key'],
      [
        'fills: tank, ',
        '',
        'p.yaml:10:3: elements.valve: expected fills, draws_from or both: it is piped to nothing',
      ],
      [
        'elements:',
        'elements:\n  pump: {kind: pump, fills: tank, spin_up: 1s}',
        'p.yaml:10:3: elements.pump: expected a curve: it fills or draws from a tank',
      ],
      ['height_m: 3', 'height_m: 0', 'p.yaml:11:44: elements.tank.height_m: expected more than 0'],
      [
        'initial_level_m: 1',
        'initial_level_m: 4',
        "p.yaml:11:64: elements.tank.initial_level_m: expected at most the overflow's level, 3 m",
      ],
    ]
    for (const [from, to, problem] of rows) {
      assert.ok(SOUND.includes(from))
      assert.ok(
        problemsOf(SOUND.replace(from, to)).includes(problem),
        problemsOf(SOUND.replace(from, to)).join('\n'),
      )
    }
  })

  it('names every problem at once, in the order of the file', () => {
    const text = `${SOUND.replace('3s', 'soon').replace('valve.command', 'vlave.command').replace('plant: ', 'palnt: ')}
faults:
  - {kind: stuck, element: tank}
  - {kind: exception, code: 0}
`
    assert.deepEqual(
      problemsOf(text).map(line => line.split(' ')[0]),
      ['p.yaml:1:1:', 'p.yaml:1:1:', 'p.yaml:8:30:', 'p.yaml:10:50:', 'p.yaml:14:28:', 'p.yaml:15:29:'],
    )
  })

  it('cannot map a cell or command an actuator twice', () => {
    const twice = SOUND.replace(
      'elements:',
      `      - {address: 0}
    holding_registers:
      - {address: 0, signal: valve.command}
elements:`,
    )
    assert.deepEqual(problemsOf(twice), [
      'p.yaml:9:19: plc.modbus.coils[1].address: address 0 is mapped twice',
      'p.yaml:11:30: plc.modbus.holding_registers[0].signal: valve.command is commanded by another cell too',
    ])
  })

  it('reports what is not YAML by its place', () => {
    assert.match(problemsOf('plant: [a\nplc: 3\n')[0] ?? '', /^p\.yaml:2:1: /)
    assert.deepEqual(problemsOf('plant: a\nplant: b\n'), ['p.yaml:2:1: Map keys must be unique'])
    assert.deepEqual(problemsOf(''), ['p.yaml:1:1: expected a mapping'])
  })

  it('has no aliases: not one that leads nowhere, not a few that stand for a billion lines', () => {
    assert.match(problemsOf('plant: *nowhere\n')[0] ?? '', /^p\.yaml:1:8: expected the value itself/)
    const bomb = Array.from({ length: 9 }, (_, i) => `k${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`)
    assert.ok(problemsOf(`k: &a-1 [x]\n${bomb.join('\n')}\n`).length > 0)
  })

  it('names the path of each problem when the plant is given as an object', async () => {
    const plant = { ...WATER_PLANT, elements: { tank: WATER_PLANT.elements.tank, v: { kind: 'valve' } } }
    await assert.rejects(readPlant({ plant: plant as unknown as typeof WATER_PLANT }), error => {
      assert.ok(error instanceof PlantFileError)
      assert.ok(error.lines.includes('elements.v.stroke_time: expected a duration such as 10ms, 3s or 15m'))
      return true
    })
  })

  it('is a plant or a list of problems, whatever is cut out of it', () => {
    fc.assert(
      fc.property(fc.nat(SOUND.length), fc.nat(40), (from, length) => {
        const text = SOUND.slice(0, from) + SOUND.slice(from + length)
        for (const line of problemsOf(text)) assert.match(line, /^p\.yaml:\d+:\d+: \S/)
      }),
      { numRuns: 300 },
    )
  })
})
