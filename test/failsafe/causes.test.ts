import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Causes, type Watched } from '../../failsafe/causes.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

function rig(watched: readonly Omit<Watched, 'actuator'>[], tripsWith = (id: string) => [id]) {
  const clock = new VirtualClock()
  const events: string[] = []
  const mistakes: unknown[] = []
  const causes = new Causes(
    watched.map(one => ({ actuator: 'valve', ...one })),
    {
      trip: (actuator, cause, detail) => void events.push(`${actuator} ${cause}: ${detail}`),
      tripsWith,
      interlockHealthy: actuator => void events.push(`${actuator} healthy`),
    },
    clock,
    error => mistakes.push(error),
  )
  return { clock, events, mistakes, causes }
}

test('a cause trips when it has lasted for its time without a break, and not before', async () => {
  let trouble: string | undefined
  const { clock, events, causes } = rig([
    { cause: 'device-unreachable', after: 2000, trouble: () => trouble },
  ])
  causes.start()
  trouble = 'no cable'
  await clock.advance(1500)
  trouble = undefined
  await clock.advance(200)
  trouble = 'no cable'
  await clock.advance(1900)
  assert.deepEqual(events, [], 'a break begins it anew')
  await clock.advance(300)
  assert.match(events[0] ?? '', /^valve device-unreachable: no cable for 2s$/)
  await causes[Symbol.asyncDispose]()
})

test('one without a time trips at the next look', async () => {
  const { clock, events, causes } = rig([
    { cause: 'process-limit', after: 0, trouble: () => 'the tank is full' },
  ])
  causes.start()
  await clock.advance(50)
  assert.deepEqual(events, ['valve process-limit: the tank is full'])
  await causes[Symbol.asyncDispose]()
})

test('an interlock is healthy only while none of its conditions is violated', () => {
  const bad = new Set<string>(['level'])
  const interlock = (name: string): Omit<Watched, 'actuator'> => ({
    cause: 'interlock',
    after: 0,
    trouble: () => (bad.has(name) ? name : undefined),
  })
  const { events, causes } = rig([interlock('level'), interlock('pressure')])
  causes.look()
  assert.deepEqual(events.splice(0), ['valve interlock: level'])
  bad.delete('level')
  bad.add('pressure')
  causes.look()
  assert.deepEqual(events.splice(0), ['valve interlock: pressure'])
  bad.clear()
  causes.look()
  assert.deepEqual(events, ['valve healthy'])
})

test('a cause persists from its first moment on, so that a reset does not trip again at once; an interlock needs no reset', () => {
  let trouble: string | undefined = 'the disk is full'
  const { causes } = rig([
    { cause: 'interlock', after: 0, trouble: () => 'the tank is full' },
    { cause: 'audit-unwritable', after: 60_000, trouble: () => trouble },
  ])
  assert.equal(causes.persists('valve'), 'audit-unwritable: the disk is full')
  assert.equal(causes.persists('pump'), undefined)
  trouble = undefined
  assert.equal(causes.persists('valve'), undefined)
})

test('a cause of one that it trips with persists for an actuator too: it would be tripped again at once', () => {
  const { causes } = rig(
    [
      { cause: 'interlock', after: 0, trouble: () => 'the tank is full' },
      { cause: 'feedback-mismatch', after: 0, trouble: () => 'its feedback shows 500' },
    ],
    id => (id === 'fan' ? ['fan'] : ['pump', 'valve']),
  )
  assert.equal(
    causes.persists('pump'),
    'feedback-mismatch of valve, with which it trips: its feedback shows 500',
  )
  assert.equal(causes.persists('fan'), undefined)
})

test('a cause that makes a mistake trips nothing and stops no other', () => {
  const { events, mistakes, causes } = rig([
    {
      cause: 'clock-untrusted',
      after: 0,
      trouble: () => {
        throw new Error('a mistake')
      },
    },
    { cause: 'process-limit', after: 0, trouble: () => 'the tank is full' },
  ])
  causes.look()
  assert.deepEqual(events, ['valve process-limit: the tank is full'])
  assert.equal(mistakes.length, 1)
})
