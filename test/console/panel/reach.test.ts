import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Reach, readRoles } from '../../../console/panel/reach.ts'
import { type Caveat, parseCaveat } from '../../../model/caveat.ts'
import { DEFAULT_ROLES, type Permission, type Roles } from '../../../model/role.ts'

function reach(
  roles: readonly string[],
  texts: readonly string[],
  known: Roles | undefined = DEFAULT_ROLES,
): Reach {
  const caveats = texts.map(parseCaveat).filter((caveat): caveat is Caveat => caveat !== undefined)
  assert.equal(caveats.length, texts.length)
  const holder = { subject: 'alice', roles, caveats, environment: 'demo', gateway: 'gateway-1', until: 0 }
  return new Reach(holder, known)
}

describe('what a credential reaches', () => {
  const rows: [
    what: string,
    roles: string[],
    caveats: string[],
    permission: Permission,
    actuator: string | undefined,
    says: RegExp | undefined,
  ][] = [
    ['an operator trips', ['operator'], [], 'trip', 'inlet-valve', undefined],
    [
      'an operator does not reset',
      ['operator'],
      [],
      'reset',
      'inlet-valve',
      /^the role operator may not reset$/,
    ],
    ['a viewer does not trip', ['viewer'], [], 'trip', 'inlet-valve', /may not trip/],
    [
      'only what every role allows',
      ['engineer', 'operator'],
      [],
      'reset',
      undefined,
      /engineer and operator may not reset/,
    ],
    [
      'a role that the agent does not know allows nothing',
      ['chief'],
      [],
      'trip',
      undefined,
      /chief may not trip/,
    ],
    ['an actuator in its scope', ['operator'], ['act=inlet-*'], 'trip', 'inlet-valve', undefined],
    [
      'an actuator out of it',
      ['operator'],
      ['act=pump-*'],
      'trip',
      'inlet-valve',
      /does not reach inlet-valve/,
    ],
    [
      'every scope must reach it',
      ['operator'],
      ['act=*', 'act=pump-1'],
      'trip',
      'inlet-valve',
      /does not reach/,
    ],
    ['an alarm about no actuator', ['operator'], ['act=pump-1'], 'acknowledge', undefined, undefined],
  ]
  for (const [what, roles, caveats, permission, actuator, says] of rows)
    test(what, () => {
      const denial = reach(roles, caveats).denial(permission, actuator)
      if (says === undefined) assert.equal(denial, undefined)
      else assert.match(denial ?? '', says)
    })

  test('nothing is held against a role before the agent has told what it may', () => {
    const holder = {
      subject: 'a',
      roles: ['viewer'],
      caveats: [],
      environment: 'demo',
      gateway: 'g',
      until: 0,
    }
    assert.equal(new Reach(holder).denial('trip', 'inlet-valve'), undefined)
  })
})

test('the roles are read from what the agent tells, and from nothing else', () => {
  assert.deepEqual(readRoles({ roles: [{ role: 'viewer', may: ['read'] }] }), new Map([['viewer', ['read']]]))
  assert.equal(readRoles({}), undefined)
})
