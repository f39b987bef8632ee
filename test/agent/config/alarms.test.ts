import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { parseConfig } from '../../../agent/config/load.ts'

const EXAMPLE = join(import.meta.dirname, '../../../examples/water-treatment/holdfast.yaml')
const DAY = 86_400_000

function parse(alarms?: unknown) {
  const document = parseDocument(readFileSync(EXAMPLE, 'utf8'))
  if (alarms !== undefined) document.setIn(['alarms'], alarms)
  return parseConfig(document.toString(), EXAMPLE)
}

test('the thresholds of good practice hold where the configuration says nothing, and one that it changes leaves the others', () => {
  const bare = parse()
  assert.ok(bare.kind === 'config')
  assert.deepEqual(bare.config.alarms, {
    failedAuthentications: { warn: 10, critical: 50 },
    refusals: { warn: 5, critical: 10 },
    requestsPerCredential: { warn: 300, critical: 1200 },
    auditQueue: { warn: 25, critical: 75 },
    certificateExpires: { warn: 30 * DAY, critical: 7 * DAY },
    diskFree: { warn: 10, critical: 5 },
  })
  const changed = parse({ certificate_expires: { warn: '10d', critical: '2d' } })
  assert.ok(changed.kind === 'config')
  assert.deepEqual(changed.config.alarms, {
    ...bare.config.alarms,
    certificateExpires: { warn: 10 * DAY, critical: 2 * DAY },
  })
})

test('thresholds that cannot be meant are said with their place', () => {
  const rows: [alarms: unknown, path: string, said: RegExp][] = [
    [
      { refusals: { warn: 10, critical: 5 } },
      'alarms.refusals.critical',
      /expected more than warn, which is 10/,
    ],
    [{ disk_free: { warn: 5, critical: 10 } }, 'alarms.disk_free.critical', /expected less than warn/],
    [{ refusals: { warn: 10 } }, 'alarms.refusals.critical', /expected per cent/],
    [{ failed_authentications: { warn: 0, critical: 5 } }, 'alarms.failed_authentications.warn', /expected/],
    [{ disc_free: { warn: 5, critical: 1 } }, 'alarms.disc_free', /this key is not known here/],
  ]
  for (const [alarms, path, said] of rows) {
    const loaded = parse(alarms)
    assert.ok(loaded.kind === 'problems', path)
    const problem = loaded.problems.find(other => other.path === path)
    assert.match(problem?.message ?? '', said, path)
    assert.ok((problem?.line ?? 0) > 1, path)
  }
})
