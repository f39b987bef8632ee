import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { formatVkey, verifierOf } from '../../../agent/audit/note.ts'
import { audit } from './command.ts'
import { sql, THIEF } from './corpus.ts'
import { Folder, tamper, VKEY, writeLog } from './fixture.ts'

const CHECKER = join(import.meta.dirname, 'check_proof.py')

/** What an implementation that shares no code with ours says of a proof. */
function checked(proof: unknown, vkey = VKEY): string {
  const { stdout, stderr, error } = spawnSync('python3', [CHECKER, vkey], {
    input: JSON.stringify(proof),
    encoding: 'utf8',
  })
  assert.equal(error, undefined)
  return (stdout + stderr).trim()
}

interface Proof {
  readonly record: string
  readonly leaf_index: number
  readonly tree_size: number
  readonly checkpoint: string | null
  readonly inclusion_path: readonly string[]
  readonly consistency_path: readonly string[]
  readonly tlog_proof: string
}

/** A log of 150 records, with signed checkpoints of 64 and 128. */
const SIZE = 150
let folder: Folder
before(() => {
  folder = new Folder()
  writeLog(folder.log, SIZE, 64)
})
after(() => folder[Symbol.dispose]())

function prove(...words: string[]): Proof {
  const { code, out, err } = audit('prove', folder.log, ...words)
  assert.deepEqual([code, err], [0, ''])
  return JSON.parse(out) as Proof
}

describe('holdfast audit prove', () => {
  it('proves that a record is in the log, to a program that was written from the RFCs', () => {
    for (const record of [0, 1, 63, 64, 100, 127]) {
      const proof = prove('--record', String(record))
      assert.deepEqual(
        [proof.leaf_index, proof.tree_size],
        [record, 128],
        'against the newest signed checkpoint',
      )
      assert.equal(checked(proof), 'proven')
    }
  })

  it('proves it at an earlier moment, and where nothing is signed, without a tlog-proof', () => {
    assert.equal(checked(prove('--record', '10', '--at', '64')), 'proven')
    const unsigned = prove('--record', '140', '--at', String(SIZE))
    assert.deepEqual([unsigned.checkpoint, unsigned.tlog_proof], [null, null])
    assert.equal(checked(unsigned), 'proven')
  })

  it('proves that the log only grew, between any two of its moments and since a checkpoint that was kept', () => {
    const kept = join(folder.path, 'kept')
    writeFileSync(kept, prove('--record', '0', '--at', '64').checkpoint ?? '')
    assert.equal(checked(prove('--since', kept)), 'proven')
    for (const [older, newer] of [
      [1, 2],
      [64, 128],
      [63, 150],
      [100, 100],
      [127, 128],
    ] as const)
      assert.equal(
        checked(prove('--since', String(older), '--at', String(newer))),
        'proven',
        `${older} to ${newer}`,
      )
  })

  it('takes --json as every program that reports does: a proof is JSON anyway, and not the C2SP form too', () => {
    assert.deepEqual(prove('--record', '100', '--json'), prove('--record', '100'))
    const both = audit('prove', folder.log, '--record', '100', '--json', '--tlog-proof')
    assert.deepEqual([both.code, both.out], [2, ''])
    assert.match(both.err, /--tlog-proof.*cannot be used with.*--json/)
  })

  it('prints the C2SP form by itself', () => {
    const { code, out } = audit('prove', folder.log, '--record', '100', '--tlog-proof')
    assert.equal(code, 0)
    assert.match(
      out,
      /^c2sp\.org\/tlog-proof@v1\nindex 100\n(?:[A-Za-z0-9+/]{43}=\n)+\nplant\/gateway-1\n128\n/,
    )
    assert.equal(out, prove('--record', '100').tlog_proof)
  })

  it('gives no proof that holds for another record, another order, or another key', () => {
    const proof = prove('--record', '100')
    const [first = '', second = '', ...rest] = proof.inclusion_path
    const wrong: [what: string, proof: unknown, says: RegExp][] = [
      ['another record', { ...proof, record: proof.record.replace('"open"', '"shut"') }, /another hash/],
      ['another place', { ...proof, leaf_index: 101 }, /another place/],
      ['another order', { ...proof, inclusion_path: [second, first, ...rest] }, /does not lead to the root/],
      ['a shorter path', { ...proof, inclusion_path: [second, ...rest] }, /too short/],
      ['another size', { ...proof, tree_size: 127 }, /of another tree/],
    ]
    for (const [what, forged, says] of wrong) assert.match(checked(forged), says, what)
    assert.match(checked(proof, formatVkey(verifierOf(THIEF))), /not signed by the key/)
    const grown = prove('--since', '64')
    assert.match(
      checked({ ...grown, consistency_path: grown.consistency_path.slice(1) }),
      /does not lead to the roots|too/,
    )
  })

  it('ends with 4 when the log contradicts what is to be proven', () => {
    using other = new Folder()
    const kept = join(other.path, 'kept')
    writeFileSync(kept, prove('--record', '0').checkpoint ?? '')
    writeLog(other.log, SIZE, 64)
    tamper(other.log, sql('UPDATE record SET leaf = zeroblob(32) WHERE seq = 100'))
    const cases: [words: string[], says: RegExp][] = [
      [['--record', '100', '--at', '140'], /record 100 does not have the hash/],
      [['--record', '0'], /own checkpoint/],
      [['--since', kept, '--at', '140'], /do not have the root of/],
      [['--record', '0', '--at', '151'], /has 150 records, and 151/],
    ]
    for (const [words, says] of cases) {
      const { code, out, err } = audit('prove', other.log, ...words)
      assert.deepEqual([code, out], [4, ''], words.join(' '))
      assert.match(err, says)
    }
  })

  it('ends with 2 when the question makes no sense or the file cannot be read', () => {
    const cases: [words: string[], says: RegExp][] = [
      [[folder.log], /say one of --record N/],
      [[folder.log, '--record', '1', '--since', '2'], /say one of --record N/],
      [[folder.log, '--record', '149'], /no record 149 among the first 128/],
      [[folder.log, '--since', '128', '--at', '64'], /the older comes first/],
      [[folder.log, '--since', '0'], /without records/],
      [[folder.log, '--since', 'yesterday'], /expected a number of records, or a file with a checkpoint/],
      [[folder.log, '--since', folder.log], /does not hold a checkpoint/],
      [[folder.log, '--record', '140', '--at', '150', '--tlog-proof'], /no signed checkpoint/],
      [['/nowhere.db', '--record', '1'], /nowhere/],
    ]
    for (const [words, says] of cases) {
      const { code, out, err } = audit('prove', ...words)
      assert.deepEqual([code, out], [2, ''], words.join(' '))
      assert.match(err, says)
    }
  })
})
