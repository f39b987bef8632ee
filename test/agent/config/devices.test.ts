import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import type { Config, ModbusDeviceConfig } from '../../../agent/config/config.ts'
import { parseConfig } from '../../../agent/config/load.ts'

const EXAMPLE = readFileSync(
  new URL('../../../examples/water-treatment/holdfast.yaml', import.meta.url),
  'utf8',
)

type Change = readonly [path: readonly (string | number)[], value: unknown]

function load(...changes: readonly Change[]) {
  const document = parseDocument(EXAMPLE)
  for (const [path, value] of changes) {
    if (value === undefined) document.deleteIn(path)
    else document.setIn(path, value)
  }
  return parseConfig(document.toString(), '/etc/holdfast/holdfast.yaml')
}

function configOf(...changes: readonly Change[]): Config {
  const loaded = load(...changes)
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') throw new Error('unreachable')
  return loaded.config
}

function modbusOf(config: Config, id: string): ModbusDeviceConfig {
  const device = config.devices.get(id)
  if (device?.kind !== 'modbus') throw new Error(`${id} is no Modbus device`)
  return device
}

function problemsOf(...changes: readonly Change[]) {
  const loaded = load(...changes)
  return loaded.kind === 'problems' ? loaded.problems.map(({ path, message }) => `${path}: ${message}`) : []
}

const VALVE = ['actuators', 'inlet-valve'] as const

test('a device says how it wants to be asked', () => {
  const config = configOf([['devices', 'plc', 'in_flight'], 8], [['devices', 'plc', 'read'], { gap: 4 }])
  const { inFlight, limits } = modbusOf(config, 'plc')
  assert.equal(inFlight, 8)
  assert.deepEqual(limits, { registersMax: 125, bitsMax: 2000, gap: 4 })
})

test('unless it says otherwise, a device is asked one thing at a time and nothing that nobody declared', () => {
  const { inFlight, limits } = modbusOf(configOf(), 'plc')
  assert.equal(inFlight, 1)
  assert.equal(limits.gap, 0)
})

test('a point says what its registers mean', () => {
  const config = configOf([
    [...VALVE, 'feedback'],
    {
      input_register: 4,
      type: 'float32',
      word_order: 'little',
      byte_order: 'little',
      scale: 0.5,
      offset: -3,
    },
  ])
  assert.deepEqual(config.actuators.get('inlet-valve')?.feedback, {
    table: 'input-register',
    address: 4,
    type: 'float32',
    byteOrder: 'little',
    wordOrder: 'little',
    scale: 0.5,
    offset: -3,
    writeFunction: 16,
  })
})

/** Points that contradict themselves, and what is said. */
const MISTAKES: readonly (readonly [point: Record<string, unknown>, said: RegExp])[] = [
  [{}, /exactly one of/],
  [{ coil: 70_000 }, /address from 0 to 65535/],
  [{ coil: 0, scale: 2 }, /a coil is a single bit: scale/],
  [{ coil: 0, write_function: 6 }, /expected write_function 5 or 15 for a coil/],
  [{ holding_register: 0, write_function: 5 }, /expected write_function 6, 16 or 22/],
  [{ holding_register: 0, write_function: 7 }, /a function code that writes/],
  [{ holding_register: 0, write_function: 22 }, /expected bit or mask/],
  [{ holding_register: 0, type: 'float32' }, /float32 is 2 registers.*expected word_order/],
  [{ holding_register: 0, word_order: 'big' }, /one register/],
  [
    { holding_register: 0, type: 'int32', word_order: 'big', write_function: 6 },
    /expected write_function 16/,
  ],
  [{ holding_register: 0, type: 'int24' }, /expected int16/],
  [{ holding_register: 65_534, type: 'int64', word_order: 'big' }, /beyond address 65535/],
  [{ holding_register: 0, scale: 0 }, /another scale than 0/],
  [{ holding_register: 0, bit: 16 }, /bit from 0 to 15/],
  [{ holding_register: 0, bit: 1, mask: 2, write_function: 22 }, /either bit or mask/],
  [{ holding_register: 0, mask: 0b101, write_function: 22 }, /side by side/],
  [{ holding_register: 0, mask: 0b110, type: 'int16', write_function: 22 }, /without sign/],
  [{ holding_register: 0, bit: 1 }, /you must choose how it is written.*22.*lost/s],
  [{ coil: 0, pulse: '3s' }, /at most half of the device's timeout, which is 500ms/],
]

for (const [point, said] of MISTAKES) {
  test(`a command to ${JSON.stringify(point)} is refused with what is wrong about it`, () => {
    const problems = problemsOf([[...VALVE, 'command'], point])
    assert.equal(problems.length, 1, JSON.stringify(problems))
    assert.match(problems[0] ?? '', /^actuators\.inlet-valve\.command/)
    assert.match(problems[0] ?? '', said)
  })
}

test('a feedback in bits of a register needs no word on how it would be written', () => {
  assert.deepEqual(problemsOf([[...VALVE, 'feedback'], { input_register: 0, bit: 3 }]), [])
})

test('an input cannot be pulsed', () => {
  const [problem] = problemsOf([[...VALVE, 'feedback'], { input_register: 0, pulse: '10ms' }])
  assert.match(problem ?? '', /cannot be written: leave write_function and pulse out/)
})

const DAMPER = (point: object, range: object, tolerance = 0): Change[] => [
  [[...VALVE, 'positions'], undefined],
  [[...VALVE, 'command'], point],
  [[...VALVE, 'range'], range],
  [[...VALVE, 'safe'], 0],
  [[...VALVE, 'tolerance'], tolerance],
]

test('a range is in engineering units, and may have steps of a tenth', () => {
  const config = configOf(
    ...DAMPER({ holding_register: 0, scale: 0.1 }, { min: 0, max: 100, step: 0.1, unit: '%' }),
  )
  assert.equal(config.actuators.get('inlet-valve')?.domain.kind, 'range')
})

/** Ranges that the device cannot do. */
const RANGES: readonly (readonly [point: object, range: object, tolerance: number, said: RegExp])[] = [
  [{ holding_register: 0 }, { min: 0, max: 70_000 }, 0, /fit a holding-register/],
  [{ holding_register: 0 }, { min: 0, max: 10, step: 0.5 }, 0, /whole numbers that fit/],
  [{ holding_register: 0, scale: 0.1 }, { min: 0, max: 7000 }, 0, /expected numbers that fit/],
  [{ holding_register: 0, scale: 0.1 }, { min: 0, max: 10, step: 0.05 }, 1, /less than 0.1 apart/],
  [{ holding_register: 0, scale: 0.3 }, { min: 0, max: 10 }, 0.1, /rounded to steps of 0.3.*0.15/],
  [{ holding_register: 0, type: 'int16' }, { min: 0, max: 40_000 }, 0, /fit a holding-register \(int16\)/],
]

for (const [point, range, tolerance, said] of RANGES) {
  test(`${JSON.stringify(range)} on ${JSON.stringify(point)} is refused`, () => {
    const problems = problemsOf(...DAMPER(point, range, tolerance))
    assert.equal(problems.length, 1, JSON.stringify(problems))
    assert.match(problems[0] ?? '', said)
  })
}

test('rounding that the tolerance covers is no mistake', () => {
  configOf(...DAMPER({ holding_register: 0, scale: 0.3 }, { min: 0, max: 10 }, 0.15))
})

test('two fields of one register are two points, and fields that share a bit are one too many', () => {
  const other = (mask: number): Change[] => [
    [[...VALVE, 'command'], { holding_register: 9, mask: 0x0001, write_function: 22 }],
    [['actuators', 'coolant-pump', 'command'], { holding_register: 9, mask, write_function: 22 }],
  ]
  configOf(...other(0x0002))
  assert.match(problemsOf(...other(0x0003))[0] ?? '', /inlet-valve writes the same/)
})

test('a number of two registers and one in its second register are the same point', () => {
  const [problem] = problemsOf(
    [[...VALVE, 'command'], { holding_register: 8, type: 'uint32', word_order: 'big' }],
    [['actuators', 'coolant-pump', 'command'], { holding_register: 9 }],
  )
  assert.match(problem ?? '', /inlet-valve writes the same holding-register \(uint32\) 8/)
})

test('units behind one address share the connection, and must agree about it', () => {
  const second = { protocol: 'modbus-tcp', host: '127.0.0.1', port: 15_020, unit: 2 }
  configOf([['devices', 'drive'], second])
  assert.match(
    problemsOf([['devices', 'drive'], { ...second, in_flight: 4 }])[0] ?? '',
    /plc shares this connection/,
  )
  assert.match(problemsOf([['devices', 'drive'], { ...second, unit: 1 }])[0] ?? '', /one device, one name/)
})

test('one host that is written in two ways is one connection, and has to be written in one', () => {
  for (const host of ['localhost', '::1', '127.0.0.1.']) {
    const twin = { protocol: 'modbus-tcp', host, port: 15_020, unit: 1 }
    const problems = problemsOf([['devices', 'drive'], twin]).join('\n')
    assert.match(problems, /host: this is where plc is, by another name: .* 127\.0\.0\.1:15020, as there/)
    assert.match(problems, /one device, one name/)
  }
  configOf([['devices', 'drive'], { protocol: 'modbus-tcp', host: '127.0.0.2', port: 15_020, unit: 1 }])
})

test('a device is reached by one of four ways, and files are found from the configuration', () => {
  const config = configOf(
    [
      ['devices', 'secured'],
      {
        protocol: 'modbus-tcp-security',
        host: 'plc-7',
        certificate: 'tls/a.pem',
        key: '/k.pem',
        ca: 'ca.pem',
      },
    ],
    [['devices', 'drive'], { protocol: 'modbus-rtu', path: '/dev/ttyS0', baud_rate: 19_200, parity: 'even' }],
    [['devices', 'meter'], { protocol: 'modbus-rtu-over-tcp', host: '10.0.0.9', port: 4001, unit: 7 }],
  )
  assert.deepEqual(modbusOf(config, 'secured').way, {
    protocol: 'modbus-tcp-security',
    host: 'plc-7',
    port: 802,
    certificate: '/etc/holdfast/tls/a.pem',
    key: '/k.pem',
    ca: '/etc/holdfast/ca.pem',
    serverName: undefined,
  })
  assert.deepEqual(modbusOf(config, 'drive').way, {
    protocol: 'modbus-rtu',
    path: '/dev/ttyS0',
    baudRate: 19_200,
    dataBits: 8,
    stopBits: 1,
    parity: 'even',
  })
  assert.equal(modbusOf(config, 'meter').unit, 7)
})

/** Devices that cannot be, and what is said. */
const DEVICES: readonly (readonly [device: object, said: RegExp])[] = [
  [
    { protocol: 'modbus' },
    /expected modbus-tcp, modbus-tcp-security, modbus-rtu-over-tcp, modbus-rtu or opcua/,
  ],
  [{ protocol: 'modbus-rtu', path: '/dev/ttyS0', parity: 'even' }, /baud_rate: expected a speed/],
  [{ protocol: 'modbus-rtu', path: '/dev/ttyS0', baud_rate: 9600, parity: 'yes' }, /none, even or odd/],
  [
    { protocol: 'modbus-rtu', path: '/dev/ttyS0', baud_rate: 9600, parity: 'even', data_bits: 7 },
    /data_bits: expected 8: a character of RTU has eight data bits/,
  ],
  [{ protocol: 'modbus-rtu-over-tcp', host: 'h', port: 1, unit: 0 }, /unit identifier from 1 to 247/],
  [
    { protocol: 'modbus-rtu-over-tcp', host: 'h', port: 1, in_flight: 4 },
    /in_flight: this key is not known here/,
  ],
  [{ protocol: 'modbus-tcp', host: 'h', in_flight: 0 }, /1 to 128/],
  [
    { protocol: 'modbus-tcp-security', host: 'h', certificate: 'a', key: 'b' },
    /ca: expected the path of a file in PEM/,
  ],
]

for (const [device, said] of DEVICES) {
  test(`a device such as ${JSON.stringify(device)} is refused`, () => {
    assert.match(problemsOf([['devices', 'other'], device]).join('\n'), said)
  })
}

test('two units on one serial line must agree on its speed', () => {
  const line = { protocol: 'modbus-rtu', path: '/dev/ttyS0', baud_rate: 9600, parity: 'none', unit: 1 }
  const [problem] = problemsOf(
    [['devices', 'one'], line],
    [['devices', 'two'], { ...line, unit: 2, baud_rate: 19_200 }],
  )
  assert.match(problem ?? '', /one shares this connection: expected protocol and settings as there/)
})

const SERVER = {
  protocol: 'opcua',
  endpoint: 'opc.tcp://10.1.2.5:4840',
  security_policy: 'Aes256_Sha256_RsaPss',
  certificate: 'opcua/gateway.pem',
  key: 'opcua/gateway.key',
}
const onServer = (command: object, feedback: object): Change[] => [
  [['devices', 'ua'], SERVER],
  [[...VALVE, 'device'], 'ua'],
  [[...VALVE, 'command'], command],
  [[...VALVE, 'feedback'], feedback],
]

test('an OPC UA server is encrypted unless it says otherwise, and its points are nodes by the URI of their namespace', () => {
  const config = configOf(
    ...onServer(
      { node: 'nsu=urn:plant;s=Valve', method: 'nsu=urn:plant;s=Valve.Move', data_type: 'Double' },
      { node: 'nsu=urn:plant;i=12', scale: 10 },
    ),
  )
  const device = config.devices.get('ua')
  assert.deepEqual(device?.kind === 'opcua' && device.endpoint, {
    url: 'opc.tcp://10.1.2.5:4840',
    securityPolicy: 'Aes256_Sha256_RsaPss',
    securityMode: 'SignAndEncrypt',
    certificate: '/etc/holdfast/opcua/gateway.pem',
    key: '/etc/holdfast/opcua/gateway.key',
    trusted: '/etc/holdfast/trusted-servers',
    user: { kind: 'anonymous' },
  })
  assert.deepEqual(config.actuators.get('inlet-valve')?.feedback, {
    protocol: 'opcua',
    node: { namespace: 'urn:plant', identifier: 'i=12' },
    scale: 10,
    offset: 0,
  })
})

const VALVE_NODE = 'nsu=urn:plant;s=Valve'
const MOVE = 'nsu=urn:plant;s=Valve.Move'

test('a command is two methods without an argument, or one with arguments and a result', () => {
  const feedback = { node: 'nsu=urn:plant;i=12' }
  const OPEN = 'nsu=urn:plant;s=Open'
  const CLOSE = 'nsu=urn:plant;s=Close'
  const two = configOf(...onServer({ node: VALVE_NODE, methods: { 1: OPEN, 0: CLOSE } }, feedback))
  const named = (identifier: string) => ({ namespace: 'urn:plant', identifier })
  assert.deepEqual(two.actuators.get('inlet-valve')?.command, {
    protocol: 'opcua',
    node: named('s=Valve'),
    call: {
      method: new Map([
        [0, named('s=Close')],
        [1, named('s=Open')],
      ]),
      arguments: [],
    },
    scale: 1,
    offset: 0,
  })
  const command = {
    node: VALVE_NODE,
    method: MOVE,
    data_type: 'Double',
    arguments: [{ data_type: 'UInt16', value: 3 }, 'setpoint'],
    result: { value: 0 },
  }
  const one = configOf(...onServer(command, feedback)).actuators.get('inlet-valve')?.command
  assert.deepEqual(one && 'call' in one && one.call, {
    method: named('s=Valve.Move'),
    arguments: [{ dataType: 'UInt16', value: 3 }, 'setpoint'],
    result: { output: 0, value: 0 },
  })
})

/** Points of a server that cannot be, and what is said. */
const NODES: readonly (readonly [command: object, said: RegExp])[] = [
  [{ node: 'ns=2;s=Valve', data_type: 'Double' }, /by the URI of its namespace/],
  [{ node: 'nsu=urn:plant;s=Valve' }, /a node cannot be written: expected .* data_type/],
  [{ node: 'nsu=urn:plant;s=Valve', data_type: 'String' }, /a type of numbers: Boolean/],
  [{ node: 'nsu=urn:plant;s=Valve', data_type: 'Double', pulse: '1s' }, /pulse says nothing about a node/],
  [{ node: 'nsu=urn:plant;s=Valve', coil: 1 }, /exactly one of/],
  [{ coil: 1 }, /a coil is a point of modbus, and the device speaks opcua/],
  [{ coil: 1, data_type: 'Double' }, /for a node of OPC UA/],
  [{ node: VALVE_NODE, method: MOVE }, /one method for every setpoint has to be told which/],
  [{ node: VALVE_NODE, method: MOVE, methods: { 1: MOVE }, data_type: 'Double' }, /either method or methods/],
  [
    { node: VALVE_NODE, methods: { open: MOVE } },
    /open is no number: expected the value that a position writes/,
  ],
  [{ node: VALVE_NODE, methods: { 1: MOVE } }, /0 does not fit a method/],
  [{ node: VALVE_NODE, methods: { 0: MOVE, 1: MOVE }, scale: 2 }, /leave data_type, scale and offset out/],
  [{ node: VALVE_NODE, methods: { 0: MOVE, 1: MOVE }, arguments: ['setpoint'] }, /expected its data_type/],
  [{ node: VALVE_NODE, data_type: 'Double', result: { value: 0 } }, /arguments and result are for a method/],
  [
    {
      node: VALVE_NODE,
      method: MOVE,
      data_type: 'Double',
      arguments: ['setpoint', { data_type: 'Byte', value: 256 }],
    },
    /256 does not fit a Byte/,
  ],
]

for (const [command, said] of NODES) {
  test(`a command to ${JSON.stringify(command)} on an OPC UA server is refused`, () => {
    const problems = problemsOf(...onServer(command, { node: 'nsu=urn:plant;i=12' }))
    assert.match(problems.join('\n'), said)
    assert.equal(problems.length, 1, JSON.stringify(problems))
  })
}

test('no security is no choice', () => {
  assert.match(
    problemsOf([['devices', 'ua'], { ...SERVER, security_policy: 'None' }])[0] ?? '',
    /Basic256Sha256 or/,
  )
  assert.match(
    problemsOf([['devices', 'ua'], { ...SERVER, security_mode: 'None' }])[0] ?? '',
    /Sign or SignAndEncrypt/,
  )
  assert.match(
    problemsOf([['devices', 'ua'], { ...SERVER, user: { name: 'x' } }])[0] ?? '',
    /name and a password_file/,
  )
})
