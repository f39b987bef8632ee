import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Folder } from './fixture.ts'

const PROGRAM = join(import.meta.dirname, 'programs', 'append-one-by-one.ts')
const RECORDS = 25

/** What the kernel saw: syncs of the write-ahead log that returned, and acknowledgements, in their order. */
function traced(how: 'log' | 'defaults'): ('sync' | 'durable')[] {
  using folder = new Folder()
  const trace = join(folder.path, 'trace')
  const strace = ['-f', '-y', '-e', 'trace=fdatasync,fsync,write', '-o', trace]
  const program = [process.execPath, PROGRAM, folder.log, String(RECORDS), how]
  const { status, stderr, error } = spawnSync('strace', [...strace, ...program], { encoding: 'utf8' })
  assert.deepEqual([error, status], [undefined, 0], stderr)
  const events: ('sync' | 'durable')[] = []
  /** Threads whose sync of the write-ahead log has begun and not returned. */
  const syncing = new Set<string>()
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const isWal = /^f(?:data)?sync\(\d+<[^>]*audit\.db-wal>/.test(call)
    if (isWal && call.endsWith('<unfinished ...>')) syncing.add(thread)
    else if (isWal && call.endsWith('= 0')) events.push('sync')
    else if (/^<\.\.\. f(?:data)?sync resumed>.*= 0$/.test(call) && syncing.delete(thread))
      events.push('sync')
    else if (/^write\(1<[^>]*>, "durable\\n"/.test(call)) events.push('durable')
  }
  return events
}

describe('the audit log, seen by the kernel,', () => {
  it('syncs the write-ahead log to the disk before each acknowledgement', () => {
    const events = traced('log')
    const acknowledged = events.flatMap((event, index) => (event === 'durable' ? [index] : []))
    assert.equal(acknowledged.length, RECORDS)
    for (const [nth, index] of acknowledged.entries()) {
      const since = events.slice((acknowledged[nth - 1] ?? -1) + 1, index)
      assert.ok(since.includes('sync'), `acknowledgement ${nth} of ${RECORDS} came without a sync before it`)
    }
  })

  it('does what SQLite does not do by itself here, which this test would see', () => {
    const events = traced('defaults')
    assert.equal(events.filter(event => event === 'durable').length, RECORDS)
    assert.ok(events.filter(event => event === 'sync').length < RECORDS / 2)
  })
})
