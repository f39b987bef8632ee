import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { formatVkey, verifierOf } from '../../../agent/audit/note.ts'
import { Gateway } from '../gateway.ts'
import { audit } from './command.ts'
import { THIEF } from './corpus.ts'
import { Folder, VKEY, writeLog } from './fixture.ts'
import { StockCode } from './stock-code.ts'

// What `holdfast audit` says, judged by code that is not ours and that others trust: packages note and tlog of golang.org/x/mod, which
// verify Go's own checksum database.

interface Inclusion {
  readonly record: string
  readonly leaf_index: number
  readonly leaf_hash: string
  readonly tree_size: number
  readonly root_hash: string
  readonly checkpoint: string
  readonly inclusion_path: readonly string[]
  readonly tlog_proof: string
}

interface Consistency {
  readonly older: Pick<Inclusion, 'tree_size' | 'root_hash' | 'checkpoint'>
  readonly newer: Consistency['older']
  readonly consistency_path: readonly string[]
}

/** What a command of `holdfast audit` prints, where it ends well. */
function said(...words: string[]): string {
  const { code, out, err } = audit(...words)
  assert.deepEqual([code, err], [0, ''], words.join(' '))
  return out
}

/** JSON on one line. */
const line = (json: unknown): string => JSON.stringify(json)
const prove = (log: string, ...words: string[]): unknown => JSON.parse(said('prove', log, ...words))

/** Every text that differs from this one by one bit and is text as well: the highest bit of ASCII stays. */
function bentTexts(text: string): string[] {
  const bytes = Buffer.from(text)
  return Array.from({ length: bytes.length * 8 }, (_, bit) => bent(bytes, bit))
    .filter(changed => changed.every((byte, index) => byte < 0x80 || byte === bytes[index]))
    .map(changed => changed.toString())
}

/** Every hash that differs from this one by one bit, as base64. */
function bentHashes(base64: string): string[] {
  const bytes = Buffer.from(base64, 'base64')
  return Array.from({ length: bytes.length * 8 }, (_, bit) => bent(bytes, bit).toString('base64'))
}

function bent(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return changed
}

/** Every path that differs from this one by one bit of one hash. */
function bentPaths(path: readonly string[]): string[][] {
  return path.flatMap((hash, place) => bentHashes(hash).map(changed => path.with(place, changed)))
}

/** A checkpoint with one bit changed: of what was signed, or of the key id and the signature. */
function bentNotes(note: string): string[] {
  const split = note.lastIndexOf(' ') + 1
  const signature = note.slice(split, -1)
  const end = note.indexOf('\n\n')
  return [
    ...bentTexts(note.slice(0, end)).map(text => text + note.slice(end)),
    ...bentHashes(signature).map(changed => `${note.slice(0, split)}${changed}\n`),
  ]
}

describe("the code of Go's checksum database", () => {
  let stock: StockCode
  let folder: Folder
  /** A log of 70 records; each moment of it has a signed checkpoint. */
  const SIZE = 70
  before(async () => {
    folder = new Folder()
    writeLog(folder.log, SIZE, 1)
    stock = await StockCode.trusting(`${VKEY}\n`)
  })
  after(async () => {
    folder[Symbol.dispose]()
    await stock[Symbol.asyncDispose]()
  })

  it('finds every record in trees of many sizes, and of all of them the root that `verify` has', async () => {
    for (const size of [1, 2, 3, 6, 7, 8, 33, 64, 150]) {
      using other = new Folder()
      writeLog(other.log, size, size)
      const key = join(other.path, 'key')
      writeFileSync(key, VKEY)
      const proofs = said('export', other.log, '--format', 'jsonl').split('\n').slice(0, -1)
      const verdict = said('verify', other.log, '--key', key, '--json')
      const answers = await stock.says([...proofs, line(JSON.parse(verdict))])
      assert.deepEqual(answers, Array(size + 1).fill('yes'), `${size} records`)
    }
  })

  it('takes the C2SP form of a proof, and proofs against earlier moments', async () => {
    for (const [record, size] of [
      [0, 1],
      [0, 2],
      [5, 6],
      [6, 13],
      [63, 64],
      [64, 65],
    ] as const) {
      const proof = prove(folder.log, '--record', String(record), '--at', String(size)) as Inclusion
      assert.equal(proof.tree_size, size)
      assert.match(proof.tlog_proof, /^c2sp/)
      assert.deepEqual(await stock.says([line(proof)]), ['yes'], `record ${record} of ${size}`)
    }
  })

  it('agrees that the log only grew, between any two of many moments', async () => {
    for (const [older, newer] of [
      [1, 2],
      [1, 70],
      [2, 3],
      [3, 7],
      [4, 8],
      [6, 8],
      [7, 8],
      [8, 9],
      [31, 64],
      [32, 33],
      [63, 70],
      [64, 70],
      [69, 70],
      [70, 70],
    ] as const) {
      const proof = prove(folder.log, '--since', String(older), '--at', String(newer))
      assert.deepEqual(await stock.says([line(proof)]), ['yes'], `${older} to ${newer}`)
    }
  })

  it('refuses a proof of inclusion with any bit of record, hash, path, root, checkpoint or signature changed', async () => {
    const { tlog_proof, ...proof } = prove(folder.log, '--record', '44', '--at', '70') as Inclusion
    const forged: Readonly<Record<string, readonly object[]>> = {
      record: bentTexts(proof.record).map(record => ({ record })),
      'leaf hash': bentHashes(proof.leaf_hash).map(leaf_hash => ({ leaf_hash })),
      'leaf hash alone': bentHashes(proof.leaf_hash).map(leaf_hash => ({ leaf_hash, record: null })),
      path: bentPaths(proof.inclusion_path).map(inclusion_path => ({ inclusion_path })),
      root: bentHashes(proof.root_hash).map(root_hash => ({ root_hash })),
      checkpoint: bentNotes(proof.checkpoint).map(checkpoint => ({ checkpoint })),
      place: [43, 45, 108].map(leaf_index => ({ leaf_index })),
      'missing checkpoint': [{ checkpoint: null }],
    }
    assert.deepEqual(await stock.says([line(proof)]), ['yes'])
    for (const [what, changes] of Object.entries(forged)) await refusesAll(what, proof, changes)
    // The standard form is judged by itself: everything around it is right here.
    const standard = bentTexts(tlog_proof)
    const same = (text: string): boolean => decoded(text) === decoded(tlog_proof)
    const really = standard.filter(text => !same(text)).map(changed => ({ tlog_proof: changed }))
    assert.ok(really.length > standard.length * 0.9)
    await refusesAll('tlog-proof', proof, really)
  })

  it('refuses a proof of consistency with any bit of a path, a root, a checkpoint or a signature changed', async () => {
    for (const [older, newer] of [
      [19, 70],
      [64, 65],
      [70, 70],
    ] as const) {
      const proof = prove(folder.log, '--since', String(older), '--at', String(newer)) as Consistency
      assert.deepEqual(await stock.says([line(proof)]), ['yes'])
      for (const end of ['older', 'newer'] as const) {
        const stand = proof[end]
        const changes = [
          ...bentHashes(stand.root_hash).map(root_hash => ({ ...stand, root_hash })),
          ...bentNotes(stand.checkpoint).map(checkpoint => ({ ...stand, checkpoint })),
        ]
        await refusesAll(
          `${end} of ${older} to ${newer}`,
          proof,
          changes.map(changed => ({ [end]: changed })),
        )
      }
      const paths = bentPaths(proof.consistency_path)
      await refusesAll(
        `path of ${older} to ${newer}`,
        proof,
        paths.map(consistency_path => ({ consistency_path })),
      )
    }
  })

  it('refuses a checkpoint of another key, and a root of `verify` that the records do not have', async () => {
    const { checkpoint } = prove(folder.log, '--record', '0') as Inclusion
    await using other = await StockCode.trusting(formatVkey(verifierOf(THIEF)))
    assert.match((await other.says([line(checkpoint)]))[0] ?? '', /^no: /)
    const proofs = said('export', folder.log, '--format', 'jsonl').split('\n').slice(0, -1)
    const key = join(folder.path, 'key')
    writeFileSync(key, VKEY)
    const verdict = JSON.parse(said('verify', folder.log, '--key', key, '--json')) as { root: string }
    const lines = bentHashes(verdict.root).map(root => line({ ...verdict, root }))
    const answers = (await stock.says([...proofs, ...lines])).slice(SIZE)
    assert.deepEqual(new Set(answers), new Set(['no: the records have another root']))
  })

  async function refusesAll(what: string, proof: object, changes: readonly object[]): Promise<void> {
    if (changes.length === 0) return
    const answers = await stock.says(changes.map(change => line({ ...proof, ...change })))
    const taken = answers.flatMap((answer, index) => (answer.startsWith('no: ') ? [] : [changes[index]]))
    assert.deepEqual([what, answers.length, taken], [what, changes.length, []])
  }
})

/** A text in which base64 is replaced by what it says: its last digit has bits that say nothing. */
function decoded(text: string): string {
  return text.replaceAll(/[A-Za-z0-9+/]{43}=/g, hash => Buffer.from(hash, 'base64').toString('hex'))
}

describe('of a gateway that was at work, the same code', () => {
  it('opens the checkpoint that left it with the key that it published, and finds each record and its growth', async () => {
    await using gateway = await Gateway.start()
    const agent = await gateway.startAgent()
    const first = await agent.line(({ event }) => event === 'checkpoint')
    const { credential } = await gateway.issue('erika', 'engineer')
    await gateway.client(agent.address, credential).command('inlet-valve', 'open', 'größer – 5 µm')
    assert.equal(await agent.kill('SIGTERM'), 0)
    await using stock = await StockCode.trusting(
      readFileSync(join(dirname(gateway.auditLog), 'audit.vkey'), 'utf8'),
    )
    const kept = join(gateway.folder, 'kept')
    writeFileSync(kept, String(first.note))
    const proofs = said('export', gateway.auditLog, '--format', 'jsonl').split('\n').slice(0, -1)
    const answers = await stock.says([
      line(first.note),
      line(prove(gateway.auditLog, '--since', kept)),
      ...proofs,
      line(JSON.parse(said('verify', gateway.auditLog, '--json'))),
    ])
    assert.equal(proofs.length, gateway.records().length)
    assert.deepEqual(answers, Array(proofs.length + 3).fill('yes'))
    assert.ok(proofs.some(proof => proof.includes('größer – 5 µm')))
  })
})
