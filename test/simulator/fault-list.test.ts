import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FAULT_KINDS } from '../../simulator/fault.ts'
import { faultForm } from '../../simulator/plant-file/fault-form.ts'
import { readFaultList } from '../../simulator/plant-file/fault-list.ts'
import { readPlant } from '../../simulator/plant-file/read.ts'
import { targetsOf } from '../../simulator/plant-file/reference.ts'

const GUIDE = readFileSync(new URL('../../docs/SIMULATOR.md', import.meta.url), 'utf8')

test('docs/SIMULATOR.md lists every fault with its keys and what it does on either wire, and none that there is not', () => {
  const listed = [...GUIDE.matchAll(/^\| `([a-z-]+)` \| ([^|]*) \| [^|]+ \| [^|]+ \| [^|]+ \|$/gm)].map(
    ([, kind, keys = '']) => [kind, ...keys.replaceAll(/[[\] ]/g, '').split(',')].join(' ').trim(),
  )
  const real = faultForm.options.map(({ shape }) => {
    const { kind, ...rest } = shape
    return [kind.value, ...Object.keys(rest)].join(' ')
  })
  assert.deepEqual(listed, real)
  assert.deepEqual(
    faultForm.options.map(({ shape }) => shape.kind.value),
    FAULT_KINDS,
  )
})

test('the fault file that the guide shows is one, for the plant that it is shown with', async () => {
  const [, text = ''] = /### A fault file\n[^#]*?```yaml\n(.*?)```/s.exec(GUIDE) ?? []
  const { elements } = await readPlant({
    file: new URL('../../examples/water-treatment/plant.yaml', import.meta.url).pathname,
  })
  const read = readFaultList(text, 'faults.yaml', targetsOf(new Map(Object.entries(elements)), ['plc']))
  assert.deepEqual(read, {
    kind: 'faults',
    faults: [
      { kind: 'stuck', element: 'inlet-valve' },
      { kind: 'latency', ms: 200, on: 'writes' },
    ],
  })
})

test('the guide puts the keys into brackets that can be left out', () => {
  for (const { shape } of faultForm.options) {
    const { kind, ...rest } = shape
    const [, keys = ''] = new RegExp(`^\\| \`${kind.value}\` \\| ([^|]*) \\|`, 'm').exec(GUIDE) ?? []
    const [, inBrackets = ''] = /\[(.*)\]/.exec(keys) ?? []
    const optional = Object.entries(rest).filter(([, form]) => form.safeParse(undefined).success)
    assert.deepEqual(
      inBrackets.split(', ').filter(key => key !== ''),
      optional.map(([key]) => key),
      kind.value,
    )
  }
})
