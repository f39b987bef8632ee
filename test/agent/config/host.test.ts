import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalHost } from '../../../agent/config/host.ts'

for (const [one, other] of [
  ['localhost', '127.0.0.1'],
  ['LOCALHOST.', '::1'],
  ['127.0.0.1', '::ffff:127.0.0.1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['PLC-7.plant.example', 'plc-7.plant.example.'],
  ['fd00:0:0::0007', 'fd00::7'],
] as const)
  test(`${one} and ${other} are one host`, () => assert.equal(canonicalHost(one), canonicalHost(other)))

for (const [one, other] of [
  ['127.0.0.1', '127.0.0.2'],
  ['10.1.2.3', '10.1.2.30'],
  ['fd00::7', 'fd00::8'],
  ['plc-7', 'plc-8'],
  ['plc-7', 'plc-7.plant.example'],
  ['not a host', 'not a ghost'],
] as const)
  test(`${one} and ${other} are two`, () => assert.notEqual(canonicalHost(one), canonicalHost(other)))
