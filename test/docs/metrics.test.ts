import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Metrics } from '../../agent/metrics/metrics.ts'

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'MONITORING.md')
/** Node's own, of which the page says that they are there. */
const OF_NODE = /^(?:process|nodejs)_/

/** Every metric with the labels that its series have, in order; what a histogram adds of its own is left out. */
type Labels = ReadonlyMap<string, readonly string[]>

/** An agent that knows all there is to know, so that no metric is without a series. */
function knowingAll(): Metrics {
  const metrics = new Metrics({
    environment: 'demo',
    gateway: 'waterworks-1',
    upFor: () => 1000,
    troubles: () => [],
    masterKey: () => ({ isAvailable: true, generation: 1, age: 1000 }),
    clock: () => ({ isTrusted: true, disagreement: 0, isSynchronised: true }),
    actuators: () => [{ id: 'inlet-valve', phase: 'normal', evidence: 0 }],
    devices: () => [{ id: 'plc', isConnected: true }],
    watchdogs: () => [{ device: 'plc', isArmed: true }],
    alarms: () => [],
    suspended: () => 0,
    closedListeners: () => 0,
    audit: () => ({ size: 1, queue: 0 }),
    counter: () => ({ counter: 1, age: 1000, last: 'agrees' }),
  })
  metrics.stage('verify', 1)
  metrics.ended('inlet-valve', 'verified', 1)
  metrics.committed(1)
  return metrics
}

function registered(text: string): Labels {
  const found = new Map<string, readonly string[]>()
  for (const [, name = '', kind] of text.matchAll(/^# TYPE (\S+) (\w+)$/gm)) {
    if (OF_NODE.test(name)) continue
    const series = kind === 'histogram' ? `${name}_count` : name
    const [, labels] =
      new RegExp(`^${series}(?:\\{(.*)\\})? `, 'm').exec(text) ?? assert.fail(`${name} is shown`)
    found.set(name, [...(labels ?? '').matchAll(/(\w+)="/g)].map(([, label = '']) => label).sort())
  }
  return found
}

/** The rows of the page's table. A name that begins with `_` takes the place of the last word of its row's first. */
function described(page: string): Labels {
  const section = page.split('\n## What there is\n')[1]?.split('\n## ')[0] ?? ''
  const found = new Map<string, readonly string[]>()
  for (const [, names = '', labels = ''] of section.matchAll(/^\| (`holdfast_[^|]*) \|([^|]*)\|/gm)) {
    const [first = '', ...others] = codesIn(names)
    const stem = first.slice(0, first.lastIndexOf('_'))
    for (const name of [first, ...others.map(other => (other.startsWith('_') ? stem + other : other))]) {
      assert.ok(!found.has(name), `${name} is there once`)
      found.set(name, codesIn(labels).sort())
    }
  }
  return found
}

function codesIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

test('the table of metrics has every one that the agent registers, with its labels, and no other', async () => {
  const { text } = await knowingAll().text()
  const ours = registered(text)
  assert.ok(ours.size > 25)
  const page = readFileSync(PAGE, 'utf8')
  assert.deepEqual(sorted(described(page)), sorted(ours))
})

function sorted(labels: Labels): readonly (readonly [name: string, labels: readonly string[]])[] {
  return [...labels].sort(([one], [other]) => (one < other ? -1 : 1))
}
