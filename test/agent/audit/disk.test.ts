import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NAMESPACE, noSmallDisk } from '../small-disk.ts'
import { Folder } from './fixture.ts'

const PROGRAM = fileURLToPath(new URL('./programs/small-disk.ts', import.meta.url))
const SCRIPT = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$4" "$1"'

/** Runs the program where it has a small disk to itself. */
function onSmallDisk(what: string): Record<string, unknown> {
  using folder = new Folder()
  const arguments_ = [...NAMESPACE, 'sh', '-c', SCRIPT, 'sh', folder.path, process.execPath, PROGRAM, what]
  return JSON.parse(execFileSync('unshare', arguments_, { encoding: 'utf8' }))
}

describe('the audit log on a disk', { skip: noSmallDisk() }, () => {
  it('that is full refuses, stays whole, keeps the trip, and goes on when there is room', () => {
    const { refused, ...found } = onSmallDisk('fill')
    assert.match(String(refused), /^the disk is full/)
    assert.deepEqual(found, {
      atFull: 'intact',
      acknowledged: true,
      after: 'durable',
      trips: 1,
      gaps: 1,
      verdict: 'intact',
    })
  })

  it('that is read-only is not opened for writing, and is verified, with a write-ahead log too', () => {
    const { detail, ...found } = onSmallDisk('read-only')
    assert.match(String(detail), /read-only/)
    assert.deepEqual(found, { reopened: 'unwritable', closed: 5, withWal: 5 })
  })
})
