import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Finding, Measures } from '../../../agent/alarms/measures.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'

const SECOND = 1000

test('a measure rings when it gets worse, is quiet while it stays or gets a little better, and is over within bounds', async () => {
  const clock = new VirtualClock()
  const events: string[] = []
  let found: readonly Finding[] | Error = []
  await using measures = new Measures(
    [
      {
        name: 'disk-space',
        every: SECOND,
        find: () => {
          if (found instanceof Error) throw found
          return found
        },
      },
    ],
    {
      raise: (name, detail, _, severity) => events.push(`${name} ${severity}: ${detail}`),
      clear: name => events.push(`cleared ${name}`),
    },
    clock,
  )
  measures.start()
  const rows: [what: string, now: readonly Finding[] | Error, told: string[]][] = [
    ['nothing', [], []],
    ['a warning', [{ severity: 'warning', detail: '9 %' }], ['disk-space warning: 9 %']],
    ['the same', [{ severity: 'warning', detail: '8 %' }], []],
    ['worse', [{ severity: 'critical', detail: '4 %' }], ['disk-space critical: 4 %']],
    ['better, not good', [{ severity: 'warning', detail: '6 %' }], []],
    ['worse again', [{ severity: 'critical', detail: '4 %' }], []],
    ['what cannot be measured', new Error('no such disk'), []],
    ['good', [], ['cleared disk-space']],
    ['a warning again', [{ severity: 'warning', detail: '9 %' }], ['disk-space warning: 9 %']],
  ]
  for (const [what, now, told] of rows) {
    events.length = 0
    found = now
    await clock.advance(SECOND)
    assert.deepEqual(events, told, what)
  }
})

test('what a measure finds of two things are two alarms, each over by itself', async () => {
  const clock = new VirtualClock()
  const events: string[] = []
  const of = (listener: string): Finding => ({ severity: 'warning', detail: 'old', about: { listener } })
  let found = [of('a'), of('b')]
  await using measures = new Measures(
    [{ name: 'certificate-expiring', every: SECOND, find: async () => found }],
    {
      raise: (_, __, about) => events.push(`raised ${about?.listener}`),
      clear: (_, __, about) => events.push(`cleared ${about?.listener}`),
    },
    clock,
  )
  measures.start()
  await clock.advance(SECOND)
  found = [of('b')]
  await clock.advance(SECOND)
  assert.deepEqual(events, ['raised a', 'raised b', 'cleared a'])
})

test('a measure that hangs keeps no other waiting, nor the end; it is not taken again meanwhile', async () => {
  const clock = new VirtualClock()
  const events: string[] = []
  const disk = Promise.withResolvers<readonly Finding[]>()
  let asked = 0
  let found: readonly Finding[] = []
  const measures = new Measures(
    [
      {
        name: 'disk-space',
        every: SECOND,
        find: () => {
          asked += 1
          return disk.promise
        },
      },
      { name: 'audit-queue', every: SECOND, find: async () => found },
    ],
    { raise: name => events.push(`raised ${name}`), clear: name => events.push(`cleared ${name}`) },
    clock,
  )
  measures.start()
  await clock.advance(5 * SECOND)
  found = [{ severity: 'warning', detail: 'full' }]
  await clock.advance(SECOND)
  assert.deepEqual([asked, events], [1, ['raised audit-queue']])
  await measures[Symbol.asyncDispose]()
  disk.resolve([{ severity: 'critical', detail: 'full' }])
  await clock.advance(SECOND)
  assert.deepEqual(events, ['raised audit-queue'], 'nothing is raised after the end')
})
