import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { Folder } from './fixture.ts'

const PROGRAM = join(import.meta.dirname, 'programs', 'append-over-errors.ts')
const RECORDS = 10
const PAGE = 4096

/** What a disk has of one file, as Linux sees to it: a page that was dirty when an fsync failed is clean after it, and is not on the disk. */
class PagesOnDisk {
  readonly lost = new Set<number>()
  #dirty = new Set<number>()

  write(offset: number, length: number): void {
    for (let page = Math.floor(offset / PAGE); page * PAGE < offset + length; page += 1) this.#dirty.add(page)
  }

  sync(isWell: boolean): void {
    for (const page of this.#dirty) {
      if (isWell) this.lost.delete(page)
      else this.lost.add(page)
    }
    this.#dirty = new Set()
  }

  truncate(): void {
    this.lost.clear()
    this.#dirty = new Set()
  }
}

it('after fsyncs of the write-ahead log that failed, nothing is acknowledged behind pages that are not on the disk', () => {
  using folder = new Folder()
  const trace = join(folder.path, 'trace')
  const wal = `${folder.log}-wal`
  // It syncs a few times before the first record: the disk fails in the midst of the records, and for both syncs of a try.
  const failing = [
    '-e',
    'trace=pwrite64,fsync,fdatasync,ftruncate,write',
    '-e',
    'inject=fsync,fdatasync:error=EIO:when=8..11',
  ]
  const strace = ['-f', '-y', '-P', wal, '-P', join(folder.path, 'said'), ...failing, '-o', trace]
  const program = [
    'sh',
    '-c',
    '"$0" "$1" "$2" "$3" >"$4"',
    process.execPath,
    PROGRAM,
    folder.log,
    String(RECORDS),
  ]
  const { status, stderr, error } = spawnSync('strace', [...strace, ...program, join(folder.path, 'said')], {
    encoding: 'utf8',
  })
  assert.deepEqual([error, status], [undefined, 0], stderr)

  const pages = new PagesOnDisk()
  const events: string[] = []
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    const [, call = '', rest = ''] = /^\d+ +(\w+)\((.*)$/.exec(line) ?? []
    const [, length = '', offset = ''] = /, (\d+), (\d+)\) = \d+$/.exec(rest) ?? []
    if (call === 'pwrite64') pages.write(Number(offset), Number(length))
    if (call === 'ftruncate') pages.truncate()
    if (/^f(?:data)?sync$/.test(call)) {
      pages.sync(rest.endsWith('= 0'))
      if (rest.includes('INJECTED')) events.push('failed')
    }
    if (call === 'write' && rest.includes('durable')) {
      events.push('durable')
      assert.deepEqual(
        [...pages.lost],
        [],
        `pages of the log that are not on the disk, after ${events.join(', ')}`,
      )
    }
  }
  assert.equal(events.filter(event => event === 'durable').length, RECORDS)
  assert.ok(
    events.indexOf('failed') > 0 && events.lastIndexOf('failed') < events.lastIndexOf('durable'),
    events.join(),
  )
})
