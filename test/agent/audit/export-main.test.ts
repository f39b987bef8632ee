import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { audit } from './command.ts'
import { sql } from './corpus.ts'
import { Folder, readRecords, tamper, VKEY, writeLog } from './fixture.ts'

const CHECKER = join(import.meta.dirname, 'check_proof.py')

/** A log of 150 records, with signed checkpoints of 64 and 128. */
const SIZE = 150
let folder: Folder
before(() => {
  folder = new Folder()
  writeLog(folder.log, SIZE, 64)
})
after(() => folder[Symbol.dispose]())

function lines(format: string, ...words: string[]): string[] {
  const { code, err, lines } = audit('export', folder.log, '--format', format, ...words)
  assert.deepEqual([code, err], [0, ''])
  return lines
}

describe('holdfast audit export', () => {
  it('prints every record with its proof, which a program that was written from the RFCs checks', () => {
    const proofs = lines('jsonl')
    assert.deepEqual(
      proofs.map(text => JSON.parse(JSON.parse(text).record)),
      readRecords(folder.log),
    )
    const { stdout, stderr } = spawnSync('python3', [CHECKER, VKEY, '--lines'], {
      input: proofs.join('\n'),
      encoding: 'utf8',
    })
    assert.equal((stdout + stderr).trim(), 'proven')
    const sizes = proofs.map(text => JSON.parse(text).tree_size)
    assert.deepEqual([sizes[0], sizes[127], sizes[128], sizes[149]], [128, 128, 150, 150])
  })

  it('prints one line a record in the other formats, and says whose log it is', () => {
    for (const [format, begins] of [
      [
        'rfc5424',
        '<110>1 2026-01-01T00:00:00.000Z gateway-1 holdfast - command-intent [holdfast@32473 environment="plant" seq="0"',
      ],
      ['cef', 'CEF:0|holdfast|holdfast|'],
      ['ocsf', '{"activity_id":3,'],
    ] as const) {
      const printed = lines(format)
      assert.equal(printed.length, SIZE, format)
      assert.equal(printed[0]?.slice(0, begins.length), begins)
    }
  })

  it('goes on after the last record that was exported before, or within a time', () => {
    const seqs = (...words: string[]) =>
      lines('ocsf', ...words).map(text => JSON.parse(text).metadata.sequence)
    assert.deepEqual(seqs('--after', '147'), [148, 149])
    assert.deepEqual(seqs('--after', '149'), [])
    assert.deepEqual(seqs('--since', '2026-01-01T00:00:10Z', '--until', '2026-01-01T00:00:12Z'), [10, 11])
  })

  it('ends with 4 when a record is not what its hash says, and with 2 when it cannot read', () => {
    using other = new Folder()
    writeLog(other.log, 10, 5)
    tamper(other.log, sql('UPDATE record SET leaf = zeroblob(32) WHERE seq = 7'))
    const { code, err } = audit('export', other.log, '--format', 'jsonl')
    assert.equal(code, 4, err)
    assert.match(err, /own checkpoint; run holdfast audit verify/)
    assert.equal(audit('export', '/nowhere.db', '--format', 'cef').code, 2)
    assert.equal(audit('export', folder.log, '--format', 'pdf').code, 2)
    assert.equal(audit('export', folder.log, '--format', 'cef', '--since', 'then').code, 2)
  })
})
