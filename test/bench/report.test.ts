import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type Figure, figure } from '../../bench/figure.ts'
import { formatTable } from '../../bench/report.ts'
import { interleave, Sample } from '../../bench/sample.ts'

const BENCH = join(import.meta.dirname, '..', '..', 'bench', 'main.ts')
const bench = (...words: string[]) => promisify(execFile)(process.execPath, [BENCH, ...words])

test('--json prints one array of figures and nothing else, and --only measures only that', async () => {
  const { stdout } = await bench('--json', '--only', 'signature')
  const figures = JSON.parse(stdout) as Figure[]
  assert.equal(figures.length, 2)
  for (const { name, unit, ours, limit, peer, ratio } of figures) {
    assert.match(name, /authenticated/)
    assert.equal(unit, '1/s')
    assert.equal(peer, null)
    assert.ok(limit !== null && ratio !== null && Math.abs(ratio - ours / limit) < 0.001 * ratio)
  }
})

test('what cannot be measured is said, and the exit code tells', async () => {
  await assert.rejects(bench('--only', 'weather'), ({ code, stderr }) => {
    assert.match(stderr, /there is no measurement weather: expected one of command, trip/)
    return code === 2
  })
})

test('--help names each measurement once, and those that are left out without --only by themselves', async () => {
  const { stdout } = await bench('--help')
  const names = await bench('--only', 'weather').catch(
    ({ stderr }) => String(stderr).split('expected one of ')[1],
  )
  const all = String(names).trim().split(', ')
  assert.ok(all.includes('driver') && all.length > 15)
  const words = stdout.split('--only NAME')[2]?.match(/[\w-]+(?=[,:\n])/g) ?? []
  for (const name of all) assert.equal(words.filter(word => word === name).length, 1, name)
})

test('turns are taken in order, and stop when they are interrupted', async () => {
  const taken: string[] = []
  const interrupt = new AbortController()
  const take = (side: string) => async () => {
    taken.push(side)
    if (taken.length === 5) interrupt.abort()
    return [taken.length]
  }
  await assert.rejects(interleave(10, { a: take('a'), b: take('b') }, interrupt.signal), {
    name: 'AbortError',
  })
  assert.deepEqual(taken, ['a', 'b', 'a', 'b', 'a'])
})

test('percentiles are values that were measured', () => {
  const sample = new Sample([9, 1, 5, 3, 7])
  assert.deepEqual(
    [0, 50, 99, 100].map(percent => sample.percentile(percent)),
    [1, 5, 9, 9],
  )
})

test('the table leads from each figure to what its limit is', () => {
  const of = { unit: 'ms', ours: 4, limit: 2, better: 'less' } as const
  const table = formatTable([
    figure({ ...of, name: 'one', against: 'a stone' }),
    figure({ ...of, name: 'other', against: 'a tree' }),
  ])
  assert.match(table, /^one +4 +2 +2 × +ms +less +\[1\]$/m)
  assert.match(table, /^other .*\[2\]$/m)
  assert.match(table, /^\[2\] The limit: a tree\.$/m)
})
