import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PlantFileError } from '../../../simulator/plant-file/problem.ts'
import { parsePlant } from '../../../simulator/plant-file/read.ts'

/** A plant with these registers: what is wrong with them, each from its line on. */
function problemsOf(
  table: 'holding_registers' | 'input_registers',
  ...registers: readonly string[]
): string[] {
  const text = [
    'plant: small',
    'plc:',
    '  scan_cycle: 20ms',
    '  watchdog: { kind: register, register: 100, time: 1s, status_register: 50 }',
    '  modbus:',
    '    host: 127.0.0.1',
    '    port: 0',
    `    ${table}:`,
    ...registers.map(register => `      - ${register}`),
    'elements:',
    '  tank: { kind: tank, area_m2: 2, height_m: 3, initial_level_m: 1 }',
    '',
  ]
  try {
    parsePlant(text.join('\n'), 'p')
    return []
  } catch (error) {
    if (error instanceof PlantFileError)
      return error.lines.map(line => line.replace(`plc.modbus.${table}`, '').replace('plc.', ''))
    throw error
  }
}

test('a register may hold a number of every type, alone or with others', () => {
  const sound = [
    '{ address: 0 }',
    '{ address: 1, type: int16, initial: -500 }',
    '{ address: 2, type: uint16, byte_order: little, initial: 65535 }',
    '{ address: 3, type: int32, word_order: big, initial: -2147483648, fallback: 7, fallback_register: 0 }',
    '{ address: 5, type: uint32, word_order: little, initial: 4294967295, fallback: 1, fallback_register: 2 }',
    '{ address: 7, type: int64, word_order: big, byte_order: little, initial: -9007199254740991 }',
    '{ address: 11, type: uint64, word_order: big, initial: 9007199254740991 }',
    '{ address: 15, type: float32, word_order: big, initial: -1.5, scale: 0.1, offset: -4 }',
    '{ address: 65532, type: float64, word_order: big, initial: 1.5e300 }',
  ]
  assert.deepEqual(problemsOf('holding_registers', ...sound), [])
})

test('what a register’s keys say against one another is told where it stands', () => {
  const rows: [register: string, problem: string][] = [
    [
      '{ address: 0, type: int24 }',
      '9:29: [0].type: expected one of int16, uint16, int32, uint32, int64, uint64, float32, float64',
    ],
    [
      '{ address: 0, type: float32 }',
      '9:9: [0]: a float32 is 2 registers, and devices disagree on their order: expected word_order: big (the most significant register first) or little',
    ],
    [
      '{ address: 0, word_order: big }',
      '9:35: [0].word_order: this is one register: word_order says nothing about it',
    ],
    ['{ address: 0, byte_order: middle }', '9:35: [0].byte_order: expected one of big, little'],
    [
      '{ address: 65533, type: float64, word_order: big }',
      '9:20: [0].address: a float64 at 65533 would go on beyond address 65535',
    ],
    [
      '{ address: 0, initial: -1 }',
      '9:32: [0].initial: expected a whole number from 0 to 65535, which is what uint16 holds',
    ],
    [
      '{ address: 0, initial: 0.5 }',
      '9:32: [0].initial: expected a whole number from 0 to 65535, which is what uint16 holds',
    ],
    [
      '{ address: 0, type: int64, word_order: big, initial: 9007199254740992 }',
      '9:62: [0].initial: expected a whole number from -9007199254740991 to 9007199254740991, which is what int64 holds',
    ],
    ['{ address: 0, signed: true }', '9:23: [0].signed: is not a known key'],
    ['{ address: 0, scale: 0 }', '9:30: [0].scale: expected a scale other than 0'],
    [
      '{ address: 99, type: int32, word_order: big }',
      '4:3: watchdog: address 100 of holding_registers is mapped twice',
    ],
    [
      '{ address: 0, type: int32, word_order: big, fallback: 1, fallback_register: 49 }',
      '9:85: [0].fallback_register: address 50 of input_registers is mapped twice',
    ],
  ]
  for (const [register, problem] of rows)
    assert.deepEqual(problemsOf('holding_registers', register), [`p:${problem}`], register)
})

test('no register belongs to two numbers', () => {
  const overlapping = [
    '{ address: 0, signal: tank.level, type: float64, word_order: big }',
    '{ address: 3, signal: tank.outflow }',
    '{ address: 10, signal: tank.outflow, type: int32, word_order: big }',
    '{ address: 9, signal: tank.level, type: int32, word_order: big }',
    '{ address: 12, signal: tank.level, type: int32, word_order: big }',
  ]
  assert.deepEqual(problemsOf('input_registers', ...overlapping), [
    'p:10:20: [1].address: address 3 is mapped twice',
    'p:12:20: [3].address: address 10 is mapped twice',
  ])
})
