import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditEntry } from '../../model/audit.ts'
import { dictionaryFaults } from '../../model/audit-kinds.ts'

// What is wrong here does not compile, which `npm run check` says: each such line tells the compiler to expect it. The dictionary finds it
// in a record as well.

const TRIP = { actuator: 'inlet-valve', cause: 'manual', detail: 'by erika' }

test('an entry that the dictionary knows compiles', () => {
  const entries: AuditEntry[] = [
    { kind: 'agent-stopped' },
    { kind: 'trip', ...TRIP },
    { kind: 'trip', ...TRIP, count: 5, identity: 'subject eve' },
    { kind: 'alarm', alarm: 'disk-space', detail: 'nearly full', reason: undefined },
  ]
  for (const entry of entries) assert.deepEqual(dictionaryFaults(entry), [])
})

test('an entry without a member that its kind always has does not compile', () => {
  // @ts-expect-error its cause is missing
  const entry: AuditEntry = { kind: 'trip', actuator: 'inlet-valve', detail: 'by erika' }
  assert.deepEqual(dictionaryFaults(entry), ['cause is missing'])
})

test('an entry with a member that nobody knows does not compile', () => {
  // @ts-expect-error there is no such member
  const entry: AuditEntry = { kind: 'trip', ...TRIP, colour: 'red' }
  assert.deepEqual(dictionaryFaults(entry), ['colour is not a member of trip'])
})

test('an entry with a member of another kind does not compile, by whatever way it comes', () => {
  // @ts-expect-error a trip has none
  const entry: AuditEntry = { kind: 'trip', ...TRIP, ...{ lifetime: '1h' } }
  assert.deepEqual(dictionaryFaults(entry), ['lifetime is not a member of trip'])
})

test('an entry of no kind does not compile', () => {
  // @ts-expect-error there is no such kind
  const entry: AuditEntry = { kind: 'teatime' }
  assert.deepEqual(dictionaryFaults(entry), ['there is no kind teatime'])
})
