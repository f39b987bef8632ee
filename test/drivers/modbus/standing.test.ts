import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange, ExchangeKind } from '../../../drivers/modbus/exchange.ts'
import { Standing } from '../../../drivers/modbus/standing.ts'

function of(kind: ExchangeKind, unit = 1): Exchange {
  return {
    kind,
    turnOf: undefined,
    unit,
    timeout: 100,
    request: () => undefined,
    fits: () => false,
    ended: () => {},
  }
}

/** What a unit did, as `look -` for one that it left unanswered, and where its next write towards safe and its next look wait. */
const ROWS: readonly (readonly [did: string, safe: string, look: string])[] = [
  ['', 'safe', 'safe'],
  ['read +', 'safe', 'safe'],
  ['read -', 'doubted', 'read'],
  ['look -', 'doubted', 'read'],
  ['write -', 'doubted', 'read'],
  ['safe -', 'read', 'safe'],
  ['safe -, read -', 'read', 'read'],
  ['read -, safe +', 'doubted', 'read'],
  ['look -, safe +', 'doubted', 'read'],
  ['look -, read +', 'safe', 'safe'],
  ['look -, write +', 'safe', 'safe'],
  ['safe -, safe +', 'safe', 'safe'],
  ['safe -, read +', 'safe', 'safe'],
  ['safe -, look -, read +', 'safe', 'safe'],
  ['safe -, look -, safe +', 'doubted', 'read'],
]

for (const [did, safe, look] of ROWS) {
  test(`after "${did}" a write towards safe waits as ${safe} and its look as ${look}`, () => {
    const standing = new Standing()
    for (const step of did === '' ? [] : did.split(', ')) {
      const [kind, how] = step.split(' ') as [ExchangeKind, string]
      const before = [standing.placeOf(of('safe')), standing.placeOf(of('look'))]
      const hasChanged = how === '+' ? standing.answered(of(kind)) : standing.missed(of(kind))
      const after = [standing.placeOf(of('safe')), standing.placeOf(of('look'))]
      if (String(before) !== String(after)) assert.ok(hasChanged, step)
    }
    assert.deepEqual([standing.placeOf(of('safe')), standing.placeOf(of('look'))], [safe, look])
    assert.deepEqual([standing.placeOf(of('write')), standing.placeOf(of('read'))], ['write', 'read'])
    assert.deepEqual([standing.placeOf(of('safe', 2)), standing.placeOf(of('look', 2))], ['safe', 'safe'])
  })
}
