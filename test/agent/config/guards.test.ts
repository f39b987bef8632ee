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
    document.setIn(['actuators', 'inlet-valve', key], document.createNode(value))
  }
  return document.toString()
}

function parse(text: string) {
  return parseConfig(text, '/etc/holdfast/holdfast.yaml')
}

for (const [what, members, path, said] of [
  ['a selection of no length', { select_before_operate: 30 }, 'select_before_operate', /duration such as/],
  ['a selection of a day', { select_before_operate: '24h' }, 'select_before_operate', /at most 10m/],
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
  const loaded = parse(valveWith({ select_before_operate: '30s' }))
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') return
  assert.equal(loaded.config.actuators.get('inlet-valve')?.selectionLasts, 30_000)
  assert.equal(loaded.config.actuators.get('coolant-pump')?.selectionLasts, undefined)
})
