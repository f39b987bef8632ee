import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import type { Fault } from '../../../simulator/fault.ts'
import { faultForm } from '../../../simulator/plant-file/fault-form.ts'
import { readFaultList } from '../../../simulator/plant-file/fault-list.ts'
import { formatFaultText, readFaultText } from '../../../simulator/plant-file/fault-text.ts'

const TARGETS = {
  actuators: new Set(['valve']),
  measurements: new Set(['tank.level']),
  plcs: new Set(['inlet']),
}
const number = fc.double({ min: 1e-9, max: 1e9, noNaN: true })

/** Any fault that the plant can have: all kinds, each with some of the keys that it may have. */
const fault: fc.Arbitrary<Fault> = fc
  .record(
    {
      kind: fc.constantFrom(...faultForm.options.map(({ shape }) => shape.kind.value)),
      element: fc.constant('valve'),
      signal: fc.constant('tank.level'),
      plc: fc.constant('inlet'),
      factor: number,
      value: fc.oneof(number, fc.integer({ min: 0, max: 0xffff })),
      per_second: number.map(one => -one),
      ms: number,
      jitter_ms: number,
      every_ms: number,
      code: fc.integer({ min: 1, max: 255 }),
      address: fc.integer({ min: 0, max: 0xffff }),
      table: fc.constantFrom('coil', 'holding-register'),
      on: fc.constantFrom('reads', 'writes'),
      effect: fc.constantFrom('done', 'lost'),
      quality: fc.constantFrom('bad', 'uncertain'),
      shows: fc.constantFrom('expired', 'not-yet-valid', 'replaced'),
    },
    {
      requiredKeys: [
        'kind',
        'element',
        'signal',
        'factor',
        'value',
        'per_second',
        'ms',
        'every_ms',
        'code',
        'shows',
      ],
      noNullPrototype: true,
    },
  )
  .map(all => {
    const form = faultForm.options.find(({ shape }) => shape.kind.value === all.kind)
    return Object.fromEntries(Object.entries(all).filter(([key]) => key in (form?.shape ?? {})))
  })
  .map(some => faultForm.safeParse(some))
  .filter(read => read.success)
  .map(read => read.data)

describe('a fault', () => {
  it('is the same in a fault file and on the command line', () => {
    const kinds = new Set<string>()
    fc.assert(
      fc.property(fault, one => {
        kinds.add(one.kind)
        assert.deepEqual(readFaultText(formatFaultText(one)), { kind: 'fault', fault: one })
        const text = stringify({ faults: [one] })
        assert.deepEqual(readFaultList(text, 'f', TARGETS), { kind: 'faults', faults: [one] })
      }),
      { numRuns: 1000, seed: 20_261_122 },
    )
    assert.equal(kinds.size, faultForm.options.length)
  })
})

describe('a fault file', () => {
  it('lists nothing when it is empty, or when every line of its list is commented out', () => {
    for (const text of [
      '',
      '\n',
      '# nothing\n',
      '---\n',
      'faults:\n',
      'faults: []',
      'faults:\n#  - { kind: silent }\n',
    ])
      assert.deepEqual(readFaultList(text, 'f', TARGETS), { kind: 'faults', faults: [] }, text)
  })

  it('is a list of faults or of problems with their places, whatever is cut out of it', () => {
    const sound = `faults:
  - { kind: stuck, element: valve }
  - { kind: latency, ms: 50, jitter_ms: 3.5, on: reads, plc: inlet }
  - kind: drift # slowly
    signal: tank.level
    per_second: -1e-3
`
    assert.equal(readFaultList(sound, 'f', TARGETS).kind, 'faults')
    fc.assert(
      fc.property(fc.nat(sound.length), fc.nat(40), (from, length) => {
        const read = readFaultList(sound.slice(0, from) + sound.slice(from + length), 'f', TARGETS)
        if (read.kind === 'problem') for (const line of read.lines) assert.match(line, /^f:\d+:\d+: \S/)
      }),
      { numRuns: 300, seed: 20_261_122 },
    )
  })
})
