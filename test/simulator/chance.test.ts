import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Chance } from '../../simulator/chance.ts'

const take = (count: number, next: () => number) => Array.from({ length: count }, next)

describe('seeded chance', () => {
  it('gives the same numbers for the same seed and name, and others for another seed or name', () => {
    const numbers = (seed: number, name: string) => {
      const chance = new Chance(seed, name)
      return take(20, () => chance.next())
    }
    assert.deepEqual(numbers(1, 'a'), numbers(1, 'a'))
    const all = [numbers(1, 'a'), numbers(2, 'a'), numbers(1, 'b')].flat()
    assert.equal(new Set(all).size, all.length)
  })

  it('gives the numbers that it gave in the last release', () => {
    const chance = new Chance(1, 'sensor tank.level')
    assert.deepEqual(
      take(3, () => chance.next()).map(number => Math.round(number * 1e6)),
      [155_612, 453_120, 347_636],
    )
  })

  it('spreads evenly from 0 to 1, and normally around 0', () => {
    const chance = new Chance(7, 'spread')
    const even = take(20_000, () => chance.next())
    assert.ok(even.every(number => number >= 0 && number < 1))
    for (let tenth = 0; tenth < 10; tenth++) {
      const count = even.filter(number => Math.floor(number * 10) === tenth).length
      assert.ok(Math.abs(count - 2000) < 200, `${count} in tenth ${tenth}`)
    }
    const normal = take(20_000, () => chance.normal())
    const mean = normal.reduce((sum, number) => sum + number, 0) / normal.length
    const variance = normal.reduce((sum, number) => sum + (number - mean) ** 2, 0) / normal.length
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05, `${mean} ${variance}`)
    // Two thirds lie within one deviation.
    const within = normal.filter(number => Math.abs(number) < 1).length / normal.length
    assert.ok(Math.abs(within - 0.6827) < 0.02, `${within}`)
  })
})
