import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { parseConfig } from '../../../agent/config/load.ts'

const FILE = new URL('../../../examples/water-treatment/holdfast.yaml', import.meta.url)
const EXAMPLE = readFileSync(FILE, 'utf8')

/** The example with members of its inlet valve set. */
function valveWith(members: Readonly<Record<string, unknown>>): string {
  const document = parseDocument(EXAMPLE)
  for (const [key, value] of Object.entries(members)) {
    if (value === undefined) document.deleteIn(['actuators', 'inlet-valve', key])
    else document.setIn(['actuators', 'inlet-valve', key], document.createNode(value))
  }
  return document.toString()
}

/** What makes a damper of the inlet valve. */
const RANGE = {
  positions: undefined,
  command: { holding_register: 4 },
  range: { min: 0, max: 100, step: 5, unit: '%' },
  safe: 0,
}

function parse(text: string) {
  return parseConfig(text, '/etc/holdfast/holdfast.yaml')
}

for (const [what, members, path, said] of [
  ['a selection of no length', { select_before_operate: 30 }, 'select_before_operate', /duration such as/],
  ['a selection of a day', { select_before_operate: '24h' }, 'select_before_operate', /at most 10m/],
  ['an interval of a day', { minimum_interval: '24h' }, 'minimum_interval', /at most 1h: so far back/],
  ['no cycle at all', { cycles_per_hour: 0 }, 'cycles_per_hour', /could never leave its safe state/],
  [
    'cycles of an actuator that holds',
    { safe: 'hold', cycles_per_hour: 10 },
    'cycles_per_hour',
    /this actuator holds where it is/,
  ],
  ['half a cycle', { cycles_per_hour: 1.5 }, 'cycles_per_hour', /how often it may leave its safe state/],
  ['a rate without a time', { rate_of_change: 10 }, 'rate_of_change', /such as \{ by: 10, per: 60s \}/],
  [
    'a rate of nothing',
    { ...RANGE, rate_of_change: { by: 0, per: '60s' } },
    'rate_of_change.by',
    /more than 0/,
  ],
  [
    'a rate per day',
    { ...RANGE, rate_of_change: { by: 10, per: '24h' } },
    'rate_of_change.per',
    /at most 1h/,
  ],
  [
    'a rate below one step',
    { ...RANGE, rate_of_change: { by: 4, per: '60s' } },
    'rate_of_change.by',
    /goes in steps of 5, so it could never move/,
  ],
  [
    'a rate of change between named positions',
    { rate_of_change: { by: 10, per: '60s' } },
    'rate_of_change',
    /named positions have no distance/,
  ],
] as const satisfies readonly (readonly [string, Record<string, unknown>, string, RegExp])[]) {
  test(`${what} is found, with its place`, () => {
    const text = valveWith(members)
    const loaded = parse(text)
    const [problem, ...more] = loaded.kind === 'problems' ? loaded.problems : []
    assert.deepEqual(more, [], 'one mistake is one problem')
    assert.equal(problem?.path, `actuators.inlet-valve.${path}`)
    assert.match(problem?.message ?? '', said)
    const line = text.split('\n')[(problem?.line ?? 0) - 1] ?? ''
    assert.match(line.slice((problem?.column ?? 0) - 1), /^\S/)
    const key = path.split('.').at(-1) ?? ''
    assert.ok(line.includes(key), `${line} names ${key}`)
  })
}

test('a malformed guard does not hide another mistake of its actuator', () => {
  const loaded = parse(valveWith({ select_before_operate: 'soon', device: 'plk' }))
  const paths = loaded.kind === 'problems' ? loaded.problems.map(({ path }) => path) : []
  assert.deepEqual(paths.sort(), [
    'actuators.inlet-valve.device',
    'actuators.inlet-valve.select_before_operate',
  ])
})

test('what an actuator declares is what the agent keeps to', () => {
  const loaded = parse(
    valveWith({
      ...RANGE,
      select_before_operate: '30s',
      minimum_interval: '5s',
      cycles_per_hour: 10,
      rate_of_change: { by: 10, per: '60s' },
    }),
  )
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') return
  assert.equal(loaded.config.actuators.get('inlet-valve')?.selectionLasts, 30_000)
  assert.deepEqual(loaded.config.actuators.get('inlet-valve')?.pace, {
    minimumInterval: 5000,
    cyclesPerHour: 10,
    rateOfChange: { by: 10, per: 60_000 },
  })
  const pump = loaded.config.actuators.get('coolant-pump')
  assert.equal(pump?.selectionLasts, undefined)
  assert.deepEqual(Object.values(pump?.pace ?? {}), [undefined, undefined, undefined])
})
