import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AuditStore } from '../../../agent/audit/store.ts'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import { seededEntropy } from '../../seeded-entropy.ts'
import { Folder, readRecords, VKEY } from './fixture.ts'

const PROGRAM = fileURLToPath(new URL('./programs/append-until-killed.ts', import.meta.url))

/** Runs the program until it has acknowledged so many records, ends it in the middle, and says which it acknowledged. */
async function killAfter(
  acknowledgements: number,
  path: string,
  boot: string,
  microseconds = 0,
): Promise<number[]> {
  const child = spawn(process.execPath, [PROGRAM, path, boot], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', text => {
    said += text
    if (said.split('\n').length <= acknowledgements) return
    // A moment later, which is somewhere in the next commits.
    for (const until = performance.now() + microseconds / 1000; performance.now() < until; );
    child.kill('SIGKILL')
  })
  const [code, signal] = await once(child, 'close')
  assert.deepEqual([code, signal], [null, 'SIGKILL'])
  // The last line may be cut; a number without its newline says nothing.
  return said.split('\n').slice(0, -1).map(Number)
}

/** HOLDFAST_KILLS=200 asks for more: about a quarter of a second each on a machine that does nothing else. */
const KILLS = Number(process.env.HOLDFAST_KILLS ?? 10)
const SEED = process.env.HOLDFAST_SEED ?? 'kills'

describe('an agent that is killed while it records', () => {
  it(`has every record that it acknowledged after ${KILLS} kills at random moments (seed ${SEED})`, async t => {
    using folder = new Folder()
    const entropy = seededEntropy(SEED)
    const random = (below: number) => entropy(4).readUInt32BE() % below
    let acknowledged = 0
    let known = 0
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const boot = `boot-${kill}`
      const seqs = await killAfter(1 + random(20), folder.log, boot, random(5000))
      const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
      assert.equal(verdict.kind, 'intact', `kill ${kill}: ${JSON.stringify(verdict)}`)
      const records = readRecords(folder.log)
      assert.ok(records.length >= known, `kill ${kill}`)
      known = records.length
      for (const seq of seqs)
        assert.deepEqual([records[seq]?.boot, records[seq]?.kind], [boot, 'command-intent'], `kill ${kill}`)
      acknowledged += seqs.length
    }
    t.diagnostic(`${KILLS} kills, ${acknowledged} acknowledged records, none lost, ${known} records`)
  })

  it('has every record that it acknowledged, in a log that verifies, run after run', async () => {
    using folder = new Folder()
    let run = 0
    for (const acknowledgements of [1, 2, 30, 64, 65, 200, 500]) {
      run += 1
      const boot = `boot-${run}`
      const acknowledged = await killAfter(acknowledgements, folder.log, boot)
      assert.ok(acknowledged.length >= acknowledgements)
      const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
      assert.equal(verdict.kind, 'intact', JSON.stringify(verdict))
      const records = readRecords(folder.log)
      for (const seq of acknowledged) {
        assert.deepEqual(
          [records[seq]?.seq, records[seq]?.boot, records[seq]?.kind],
          [seq, boot, 'command-intent'],
        )
      }
    }
    using store = new AuditStore(folder.log, 'boot-last', 'existing', undefined)
    assert.equal(store.head.size, readRecords(folder.log).length)
  })
})
