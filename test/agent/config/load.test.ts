import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { parseConfig } from '../../../agent/config/load.ts'

const FILE = new URL('../../../examples/water-treatment/holdfast.yaml', import.meta.url)
const EXAMPLE = readFileSync(FILE, 'utf8')

type Step = string | number

/** The example with one thing changed; `undefined` takes it away. */
function changed(path: readonly Step[], value: unknown): string {
  const document = parseDocument(EXAMPLE)
  if (value === undefined) document.deleteIn(path)
  else document.setIn(path, value)
  return document.toString()
}

function problemsIn(text: string) {
  const loaded = parseConfig(text, '/etc/holdfast/holdfast.yaml')
  return loaded.kind === 'problems' ? loaded.problems : []
}

test('the example is whole, and its paths start from its folder', () => {
  const loaded = parseConfig(EXAMPLE, '/etc/holdfast/holdfast.yaml')
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') return
  assert.equal(loaded.config.stateDir, '/etc/holdfast/state')
  assert.deepEqual(loaded.config.actuators.get('coolant-pump')?.safe, {
    setpoint: 'on',
    write: 1,
    feedback: 1,
  })
  assert.deepEqual(loaded.config.tripGroups.get('tank-1'), [
    { actuator: 'coolant-pump', after: 'written', delay: 0 },
    { actuator: 'inlet-valve', after: 'written', delay: 0 },
  ])
})

/** Each mistake, where it is found and what is said. */
const MISTAKES: readonly (readonly [
  what: string,
  path: readonly Step[],
  value: unknown,
  at: string,
  said: RegExp,
])[] = [
  ['a name in capitals', ['gateway'], 'Waterworks', 'gateway', /lower-case letters/],
  ['a key that is not known', ['mastr_key'], {}, 'mastr_key', /not known here/],
  [
    'a key deep inside that is not known',
    ['actuators', 'inlet-valve', 'saef'],
    'closed',
    'actuators.inlet-valve.saef',
    /not known here/,
  ],
  ['no gateway', ['gateway'], undefined, 'gateway', /is missing/],
  [
    'a duration without a unit',
    ['actuators', 'inlet-valve', 'travel_time'],
    3,
    'actuators.inlet-valve.travel_time',
    /duration such as/,
  ],
  [
    'a source of keys that there is not',
    ['master_key', 'source'],
    'hsm',
    'master_key.source',
    /expected a source: tpm, file/,
  ],
  [
    'a role that may what there is not',
    ['roles'],
    { wizard: ['fly'] },
    'roles.wizard.0',
    /expected one of read, command/,
  ],
  ['a role that is fixed', ['roles'], { 'break-glass': ['read'] }, 'roles.break-glass', /this role is fixed/],
  [
    'an approval by three',
    ['actuators', 'inlet-valve', 'approvals'],
    3,
    'actuators.inlet-valve.approvals',
    /expected how many people it takes: 1 or 2/,
  ],
  [
    'an interlock on a reading that there is not',
    ['actuators', 'inlet-valve', 'interlocks'],
    [{ reading: 'tank-level', below: 2650 }],
    'actuators.inlet-valve.interlocks.0.reading',
    /there is no reading tank-level; there is none/,
  ],
  [
    'an interlock of both kinds at once',
    ['actuators', 'inlet-valve', 'interlocks'],
    [{ reading: 'tank-level', below: 2650, above: 3 }],
    'actuators.inlet-valve.interlocks.0',
    /exactly one of above and below/,
  ],
  [
    'a permissive on a position that there is not',
    ['actuators', 'inlet-valve', 'permissives'],
    [{ actuator: 'coolant-pump', is: 'fast' }],
    'actuators.inlet-valve.permissives.0.is',
    /coolant-pump cannot be "fast"/,
  ],
  [
    'a permissive on itself',
    ['actuators', 'inlet-valve', 'permissives'],
    [{ actuator: 'inlet-valve', is: 'open' }],
    'actuators.inlet-valve.permissives.0',
    /waits for itself never moves/,
  ],
  [
    'a hold without a sensor',
    ['actuators', 'coolant-pump', 'hold'],
    { for: '10m' },
    'actuators.coolant-pump.hold.until',
    /thermal inertia is not told by a clock alone/,
  ],
  [
    'a hold that never ends, for want of a limit',
    ['actuators', 'coolant-pump', 'hold'],
    { for: '10m', until: { reading: 'coolant' } },
    'actuators.coolant-pump.hold.until',
    /exactly one of above and below/,
  ],
  [
    'a hold with two limits',
    ['actuators', 'coolant-pump', 'hold'],
    { for: '10m', until: { reading: 'coolant', above: 5, below: 40 } },
    'actuators.coolant-pump.hold.until',
    /exactly one of above and below/,
  ],
  [
    'a hold on a sensor that there is not',
    ['actuators', 'coolant-pump', 'hold'],
    { for: '10m', until: { reading: 'coolant', below: 40 } },
    'actuators.coolant-pump.hold.until.reading',
    /there is no reading coolant; there is none/,
  ],
  [
    'a limit on a reading that there is not',
    ['actuators', 'inlet-valve', 'trips_on'],
    { limits: [{ reading: 'moon', above: 1 }] },
    'actuators.inlet-valve.trips_on.limits.0.reading',
    /there is no reading moon/,
  ],
  [
    'a trip group that comes back to itself',
    ['trip_groups', 'tank-1'],
    ['coolant-pump', 'inlet-valve', { actuator: 'coolant-pump', after: 'verified' }],
    'trip_groups.tank-1.2',
    /is a step of this group already: a group that came back to it would never end/,
  ],
  [
    'a first step of a trip group that waits',
    ['trip_groups', 'tank-1'],
    [{ actuator: 'coolant-pump', delay: '2s' }, 'inlet-valve'],
    'trip_groups.tank-1.0',
    /nothing goes before the first step/,
  ],
  [
    'a trip group with a step of another form',
    ['trip_groups', 'tank-1'],
    [{ actuator: 'coolant-pump', after: 'lunch' }],
    'trip_groups.tank-1.0',
    /expected a step/,
  ],
  [
    'a position called hold',
    ['actuators', 'inlet-valve', 'positions', 'hold'],
    { write: 1, feedback: 500 },
    'actuators.inlet-valve.positions.hold',
    /as a safe state this word means to stay where it is/,
  ],
  [
    'a reading that is never of good quality',
    ['readings'],
    { level: { device: 'plc', point: { input_register: 1 }, every: '1s', stale_after: '1s' } },
    'readings.level.stale_after',
    /never be of good quality/,
  ],
  [
    'a reading of a device that there is not',
    ['readings'],
    { level: { device: 'plc-2', point: { input_register: 1 } } },
    'readings.level.device',
    /there is no device plc-2/,
  ],
  ['PCRs in another form', ['master_key', 'pcrs'], '7', 'master_key.pcrs', /sha256:7/],
  [
    'a TCP listener without the choice',
    ['listeners', 0, 'unattributed_failures'],
    undefined,
    'listeners.0.unattributed_failures',
    /you must choose.*count: five of them.*alarm: they raise/s,
  ],
  [
    'a network that is none',
    ['listeners', 0, 'allowed_networks', 0],
    '10.0.0.0/33',
    'listeners.0.allowed_networks.0',
    /network such as/,
  ],
  ['a port too high', ['listeners', 0, 'tcp'], '127.0.0.1:70000', 'listeners.0.tcp', /port from 0 to 65535/],
  [
    'an admin socket for everybody',
    ['listeners', 2, 'mode'],
    '0666',
    'listeners.2.mode',
    /"0600" for the admin socket/,
  ],
  ['two listeners of one name', ['listeners', 1, 'name'], 'plant-lan', 'listeners.1.name', /already/],
  [
    'a device that there is not',
    ['actuators', 'inlet-valve', 'device'],
    'plk',
    'actuators.inlet-valve.device',
    /no device plk; there is: plc/,
  ],
  [
    'a point that cannot be written',
    ['actuators', 'inlet-valve', 'command'],
    { input_register: 5 },
    'actuators.inlet-valve.command',
    /cannot be written/,
  ],
  [
    'two tables for one point',
    ['actuators', 'inlet-valve', 'feedback'],
    { coil: 1, input_register: 0 },
    'actuators.inlet-valve.feedback',
    /exactly one of/,
  ],
  [
    'two actuators that write one coil',
    ['actuators', 'coolant-pump', 'command'],
    { coil: 0 },
    'actuators.coolant-pump.command',
    /inlet-valve writes the same/,
  ],
  [
    'a safe state that the actuator cannot take',
    ['actuators', 'inlet-valve', 'safe'],
    'shut',
    'actuators.inlet-valve.safe',
    /cannot take "shut": expected closed or open/,
  ],
  [
    'no positions and no range',
    ['actuators', 'inlet-valve', 'positions'],
    undefined,
    'actuators.inlet-valve',
    /either positions/,
  ],
  [
    'a value that a coil cannot hold',
    ['actuators', 'inlet-valve', 'positions', 'open', 'write'],
    2,
    'actuators.inlet-valve.positions.open.write',
    /does not fit a coil/,
  ],
  [
    'positions that feedback cannot tell apart',
    ['actuators', 'inlet-valve', 'tolerance'],
    600,
    'actuators.inlet-valve.tolerance',
    /cannot be told apart/,
  ],
  [
    'a trip group of an actuator that there is not',
    ['trip_groups', 'tank-1', 0],
    'pump',
    'trip_groups.tank-1.0',
    /no actuator pump/,
  ],
  [
    'a warning above the limit',
    ['authentication_failures', 'warn'],
    5,
    'authentication_failures.warn',
    /less than the limit/,
  ],
  [
    'credentials that outlive their key',
    ['credentials', 'max_lifetime'],
    '48h',
    'credentials.max_lifetime',
    /the grace/,
  ],
]

for (const [what, path, value, at, said] of MISTAKES) {
  test(`${what} is found, at its line and column`, () => {
    const text = changed(path, value)
    const problems = problemsIn(text)
    const problem = problems.find(one => one.path === at)
    assert.ok(problem, JSON.stringify(problems))
    assert.match(problem.message, said)
    const line = text.split('\n')[problem.line - 1] ?? ''
    const name = String(path.at(-1))
    const near = line.slice(problem.column - 1)
    if (value !== undefined && typeof value !== 'object' && Number.isNaN(Number(name))) {
      assert.ok(
        near.startsWith(JSON.stringify(value)) || near.startsWith(String(value)) || near.startsWith(name),
        `${problem.column}: ${line}`,
      )
    }
    assert.equal(problems.length, 1, JSON.stringify(problems))
  })
}

test('all mistakes are told at once, in the order of the file', () => {
  const document = parseDocument(EXAMPLE)
  document.setIn(['environment'], 'DEMO')
  document.setIn(['actuators', 'inlet-valve', 'safe'], 'shut')
  document.setIn(['listeners', 0, 'tcp'], 'nowhere')
  document.setIn(['trip_groups', 'tank-1', 1], 'valve')
  const problems = problemsIn(document.toString())
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['environment', 'listeners.0.tcp', 'actuators.inlet-valve.safe', 'trip_groups.tank-1.1'],
  )
})

test('a mistake in the form of one field does not hide a mistake in the meaning of another', () => {
  const document = parseDocument(EXAMPLE)
  document.setIn(['actuators', 'inlet-valve', 'travel_time'], 3)
  document.setIn(['actuators', 'inlet-valve', 'device'], 'plk')
  document.setIn(['actuators', 'inlet-valve', 'safe'], 'shut')
  const problems = problemsIn(`${document.toString()}gateway: twice\n`)
  assert.deepEqual(problems.map(({ path }) => path.split('.').at(-1)).sort(), [
    '',
    'device',
    'safe',
    'travel_time',
  ])
})

test('what is no YAML, or YAML of another kind, is told with its place', () => {
  for (const [text, said] of [
    ['a: b: c', /Nested mappings/],
    ['x: *nope', /alias/],
    ['a: 1\na: 2', /unique/i],
    ['- 3', /expected a configuration/],
    ['hello', /expected a configuration/],
    ['', /is missing/],
    ['? [1]\n: 2', /string/i],
  ] as const) {
    const problems = problemsIn(text)
    assert.ok(problems.length > 0, text)
    assert.match(problems.map(({ message }) => message).join('\n'), said, text)
  }
})

test('names that every object has are names like any other', () => {
  for (const name of ['constructor', 'tostring', 'valueof']) {
    const document = parseDocument(EXAMPLE)
    document.setIn(['actuators', 'inlet-valve', 'device'], name)
    assert.match(problemsIn(document.toString())[0]?.message ?? '', /no device/)
  }
})
