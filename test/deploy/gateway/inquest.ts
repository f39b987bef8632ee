import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import { AWAY, type Load } from './load.ts'

/** What is taken off the disk for it. */
export const EXHIBITS = ['audit.db', 'audit.db-wal', 'audit.vkey', 'latches.json'].map(
  name => `/var/lib/holdfast/${name}`,
)

type AuditRecord = Readonly<Record<string, unknown>>

/** Looks at what cuts left, before anybody has mended anything, and holds it against what was seen and told before each. */
export class Inquest {
  readonly #boots = new Set<unknown>()
  #signedUpTo = 0

  /** The files are in `folder`, and `load` is what went on until the cut. Throws where they do not agree. Returns the latch that was left. */
  hold(folder: string, load: Load): 'tripped' | 'normal' {
    const path = join(folder, 'audit.db')
    const chain = verifyAuditLog({ path })
    assert.equal(chain.kind, 'intact', JSON.stringify(chain))
    // One that is cut off before its key comes, again and again, leaves records unsigned.
    const signed = verifyAuditLog({ path, publicKey: readFileSync(join(folder, 'audit.vkey'), 'utf8') })
    assert.ok(signed.kind === 'intact' || signed.kind === 'unsigned', JSON.stringify(signed))
    assert.ok(signed.signedUpTo >= this.#signedUpTo, `no signature is lost: ${JSON.stringify(signed)}`)
    this.#signedUpTo = signed.signedUpTo

    const records = readAll(path)
    const theirs = records.filter(({ boot }) => !this.#boots.has(boot))
    for (const { boot } of theirs) this.#boots.add(boot)
    // What a power cut leaves is nothing that somebody has to answer for.
    assert.deepEqual(
      theirs.filter(({ kind }) => kind === 'log-unproven' || kind === 'log-quarantined'),
      [],
    )
    for (const [coil, [actuator, asked]] of Object.entries(AWAY)) {
      const intents = theirs.filter(
        record => record.kind === 'command-intent' && record.actuator === actuator && record.asked === asked,
      ).length
      const writes = load.away.get(coil) ?? 0
      assert.ok(writes <= intents, `${actuator} ${asked}: ${writes} writes, ${intents} intents`)
    }
    const outcomes = new Map(
      theirs.flatMap(({ kind, command, outcome }) =>
        kind === 'command-outcome' ? [[command, outcome]] : [],
      ),
    )
    for (const { command, outcome } of load.acknowledged)
      assert.equal(outcomes.get(command), outcome, `what was acknowledged is in the log: ${command}`)

    const left = readLatch(join(folder, 'latches.json'))
    if (load.latch !== 'unknown')
      assert.equal(left, load.latch, 'the latch on the disk is what somebody was told')
    return left
  }
}

function readLatch(path: string): 'tripped' | 'normal' {
  if (!existsSync(path)) return 'normal'
  const { state } = JSON.parse(readFileSync(path, 'utf8')) as { state: { latches: Record<string, unknown> } }
  return Object.hasOwn(state.latches, 'inlet-valve') ? 'tripped' : 'normal'
}

function readAll(path: string): AuditRecord[] {
  const database = new Database(path, { readonly: true })
  try {
    const rows = database.prepare<[], { bytes: string }>('SELECT bytes FROM record ORDER BY seq').all()
    return rows.map(({ bytes }) => JSON.parse(bytes) as AuditRecord)
  } finally {
    database.close()
  }
}
