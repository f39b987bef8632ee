import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf } from '../../../agent/audit/failure.ts'

const SENT_TO = {
  SQLITE_FULL: /^free space/,
  // A start on a full disk, seen on one: the log is opened, and its -shm finds no room.
  SQLITE_IOERR_SHMSIZE: /^free space/,
  SQLITE_IOERR_WRITE: /^look at the disk/,
  SQLITE_IOERR_FSYNC: /^look at the disk/,
  SQLITE_READONLY_DBMOVED: /writable/,
  EROFS: /writable/,
  ENOENT: /look whether its folder exists/,
} as const

for (const [code, remedy] of Object.entries(SENT_TO)) {
  test(`${code} sends whoever is on shift to what is at fault, and is named itself`, () => {
    const failure = failureOf(Object.assign(new Error('said so'), { code }))
    assert.match(failure.remedy, remedy)
    assert.ok(failure.detail.endsWith(`(${code}: said so)`), failure.detail)
    assert.equal(failure.kind, 'unwritable')
  })
}
