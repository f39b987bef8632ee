import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Pruned, pruneAuditLog } from '../../../agent/audit/prune.ts'
import { AuditStore } from '../../../agent/audit/store.ts'
import { type Verdict, verifyAuditLog } from '../../../agent/audit/verify.ts'
import { dictionaryFaults } from '../../../model/audit-kinds.ts'
import { audit } from './command.ts'
import { type Change, sql } from './corpus.ts'
import { candidate, Folder, readRecords, SIGNER, START, tamper, VKEY, writeLog } from './fixture.ts'

/** 150 records, a second apart, with signed checkpoints of 50, 100 and 150. */
const SIZE = 150

function prune(
  folder: Folder,
  seconds: number,
  archive = 'archive',
  asOwner = (work: () => void) => work(),
): Pruned {
  return pruneAuditLog({
    path: folder.log,
    archive: join(folder.path, archive),
    before: START + seconds * 1000,
    by: 'user 0',
    boot: 'boot-2',
    now: START + 1_000_000,
    signer: SIGNER,
    asOwner,
  })
}

const verify = (folder: Folder): Verdict => verifyAuditLog({ path: folder.log, publicKey: VKEY })

describe('pruning the audit log', () => {
  it('changes the log only as whom it belongs to; the archive is of whoever prunes', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    const archive = join(folder.path, 'archive')
    const seen = () => [readFileSync(folder.log, 'base64'), existsSync(`${folder.log}-wal`)]
    let left = seen()
    const had: boolean[] = []
    const asOwner = (work: () => void) => {
      assert.deepEqual(seen(), left, 'nothing was changed in between')
      had.push(existsSync(archive))
      work()
      left = seen()
    }
    assert.equal(prune(folder, 120, 'archive', asOwner).kind, 'pruned')
    assert.deepEqual(seen(), left)
    assert.deepEqual(had, [false, true])
  })

  it('archives what a signed checkpoint covers, keeps the hashes, records the act, and the log verifies', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    const before = readRecords(folder.log)
    const whole = verify(folder)
    const pruned = prune(folder, 120)
    assert.deepEqual([pruned.kind, pruned.kind === 'pruned' && pruned.to], ['pruned', 100])
    const verdict = verify(folder)
    assert.deepEqual(
      [verdict.kind, verdict.kind === 'intact' && [verdict.records, verdict.pruned, verdict.unsignedTail]],
      ['intact', [151, 100, 0]],
    )
    const records = readRecords(folder.log)
    assert.deepEqual(records.slice(0, 50), before.slice(100))
    assert.deepEqual(dictionaryFaults(records[50] ?? {}), [])
    assert.equal(records[50]?.pruned_to, 100)
    const archive = join(folder.path, 'archive')
    const lines = readFileSync(archive, 'utf8').trimEnd().split('\n')
    assert.deepEqual(
      lines.map(text => JSON.parse(text)),
      before.slice(0, 100),
    )
    assert.equal(statSync(archive).mode & 0o777, 0o600)
    execFileSync('sha256sum', ['--check', '--quiet', 'archive.sha256'], { cwd: folder.path })
    const root = whole.kind === 'intact' ? whole.root : ''
    const { code, out } = audit('prove', folder.log, '--since', '150', '--at', '151')
    assert.equal(code, 0)
    assert.equal(JSON.parse(out).older.root_hash, root, 'the tree is the one that it was')
  })

  it('leaves a log that is written to, searched and proven as before', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    prune(folder, 120)
    {
      using store = new AuditStore(folder.log, 'boot-3', 'existing', undefined)
      assert.deepEqual(store.append(151, [candidate(151)], true, SIGNER).seqs, [151])
    }
    assert.equal(verify(folder).kind, 'intact')
    assert.equal(audit('query', folder.log, '--json', '--all').lines.length, 52)
    const { out } = audit('prove', folder.log, '--record', '7')
    assert.deepEqual([JSON.parse(out).record, JSON.parse(out).leaf_index], [null, 7])
    assert.equal(audit('export', folder.log, '--format', 'cef').lines.length, 52)
  })

  it('can be done again, and says so when there is nothing to prune', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    assert.equal(prune(folder, 40).kind, 'nothing', 'no checkpoint covers only what is old')
    assert.equal(existsSync(join(folder.path, 'archive')), false)
    prune(folder, 60)
    const again = prune(folder, 130, 'second')
    assert.deepEqual(again.kind === 'pruned' && [again.from, again.to], [50, 100])
    const verdict = verify(folder)
    assert.deepEqual([verdict.kind, verdict.kind === 'intact' && verdict.pruned], ['intact', 100])
    assert.equal(prune(folder, 130, 'third').kind, 'nothing')
  })

  it('that ended in the middle has lost nothing, and is done again', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    prune(folder, 60)
    {
      // The record of the act is there, and only a part of the records is gone: as after a power cut.
      using store = new AuditStore(folder.log, 'boot-2', 'existing', undefined)
      const entry = { kind: 'log-pruned', pruned_to: 100 } as const
      const { stamped } = candidate(151)
      store.append(151, [{ stamped: { ...stamped, entry }, wanted: true }], true, SIGNER)
      store.prune(70)
    }
    const verdict = verify(folder)
    assert.deepEqual([verdict.kind, verdict.kind === 'intact' && verdict.pruned], ['intact', 70])
    const rest = prune(folder, 130, 'rest')
    assert.deepEqual(rest.kind === 'pruned' && [rest.from, rest.to], [70, 100])
    assert.equal(verify(folder).kind, 'intact')
  })

  it('does not write over an archive, and changes nothing then', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    writeFileSync(join(folder.path, 'archive'), 'mine')
    assert.throws(() => prune(folder, 120), /EEXIST/)
    assert.equal(readFileSync(join(folder.path, 'archive'), 'utf8'), 'mine')
    assert.equal(readRecords(folder.log).length, SIZE)
  })
})

describe('a pruned log of which something was changed', () => {
  const changes: [what: string, change: Change, at: number, says: RegExp][] = [
    [
      'a record was taken out as if it were pruned',
      sql(
        'INSERT INTO pruned SELECT seq, leaf FROM record WHERE seq < 110; DELETE FROM record WHERE seq < 110',
      ),
      100,
      /records 100 to 109 were taken out, and no signed record says/,
    ],
    [
      'the hash of a pruned record was changed',
      sql('UPDATE pruned SET leaf = zeroblob(32) WHERE seq = 60'),
      50,
      /records 50 to 99/,
    ],
    [
      'the hash of a pruned record was taken out',
      sql('DELETE FROM pruned WHERE seq = 60'),
      60,
      /record 60 is missing/,
    ],
    ['all hashes were taken out', sql('DELETE FROM pruned'), 0, /record 0 is missing/],
  ]
  for (const [what, change, at, says] of changes) {
    it(`is tampered with: ${what}`, () => {
      using folder = new Folder()
      writeLog(folder.log, SIZE, 50)
      prune(folder, 120)
      tamper(folder.log, change)
      const verdict = verify(folder)
      assert.deepEqual([verdict.kind, verdict.kind === 'tampered' && verdict.at], ['tampered', at])
      assert.match(verdict.kind === 'tampered' ? verdict.detail : '', says)
    })
  }

  it('is compared with its archive, of which the first bad record is named', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    prune(folder, 120)
    writeFileSync(join(folder.path, 'audit.vkey'), VKEY)
    const archive = join(folder.path, 'archive')
    const good = audit('verify', folder.log, '--archive', archive)
    assert.equal(good.code, 0)
    assert.match(good.out, /of records 0 to 99, which were pruned, the hashes; the archive has 100 of them/)
    const text = readFileSync(archive, 'utf8')
    writeFileSync(archive, text.replace('"nonce-33"', '"nonce-99"'))
    const changed = audit('verify', folder.log, '--archive', archive)
    assert.equal(changed.code, 4)
    assert.match(changed.out, /^TAMPERED at record 33: record 33 of the archive/)
    writeFileSync(archive, text.split('\n').toSpliced(20, 1).join('\n'))
    assert.match(audit('verify', folder.log, '--archive', archive).out, /^TAMPERED at record 20/)
    assert.equal(audit('verify', folder.log, '--archive', '/nowhere').code, 2)
  })

  for (const [what, cut, says] of [
    ['empty', () => '', /the archive .* is empty/],
    ['cut at its end', lines => lines.slice(0, 40), /records 0 to 39 of the archive .* may be missing/],
    ['cut at its beginning', lines => lines.slice(40), /records 40 to 99 of the archive .* may be missing/],
    ['without its last line feed', lines => lines.join('').slice(0, -1), /records 0 to 99 .* its SHA-256/],
  ] as const satisfies readonly (readonly [
    string,
    (lines: readonly string[]) => string | readonly string[],
    RegExp,
  ])[]) {
    it(`is not proven by an archive that is ${what}`, () => {
      using folder = new Folder()
      writeLog(folder.log, SIZE, 50)
      prune(folder, 120)
      writeFileSync(join(folder.path, 'audit.vkey'), VKEY)
      const archive = join(folder.path, 'archive')
      const lines = readFileSync(archive, 'utf8').match(/[^\n]*\n/g) ?? []
      writeFileSync(archive, [cut(lines)].flat().join(''))
      const { code, out } = audit('verify', folder.log, '--archive', archive)
      assert.equal(code, 2, out)
      assert.match(out, says)
    })
  }

  it('is compared with each of its archives, as long as it says that they were written', () => {
    using folder = new Folder()
    writeLog(folder.log, SIZE, 50)
    prune(folder, 60)
    prune(folder, 130, 'second')
    writeFileSync(join(folder.path, 'audit.vkey'), VKEY)
    for (const [name, from, to] of [
      ['archive', 0, 49],
      ['second', 50, 99],
    ] as const) {
      const { code, out } = audit('verify', folder.log, '--archive', join(folder.path, name))
      assert.equal(code, 0, `${from} to ${to}: ${out}`)
    }
  })

  it('is compared with an archive byte by byte: only a line feed ends a record', () => {
    using folder = new Folder()
    const odd = 'copied from\u2028a web\u2029page\u0085and \r\n more'
    const entries = Array.from({ length: 100 }, (_, index) => {
      const { stamped } = candidate(index)
      const entry = { kind: 'lockout', actuator: 'valve', subject: 'alice', reason: odd } as const
      return { stamped: { ...stamped, entry }, wanted: true }
    })
    {
      using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
      store.append(0, entries, true, SIGNER)
    }
    assert.equal(prune(folder, 200).kind, 'pruned')
    writeFileSync(join(folder.path, 'audit.vkey'), VKEY)
    const { code, out } = audit('verify', folder.log, '--archive', join(folder.path, 'archive'))
    assert.equal(code, 0, out)
  })
})
