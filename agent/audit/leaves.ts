import { HashTree } from './hash-tree.ts'
import type { Readable } from './schema.ts'

const PAGE = 4096

interface Row {
  readonly seq: number
  readonly leaf: Uint8Array
}

/** The hashes of all records in their order, those of pruned records first, as the log has kept them. Throws when one is not there. */
export function* leavesIn(database: Readable): Generator<Uint8Array> {
  let next = 0
  for (const table of ['pruned', 'record'] as const) {
    const page = database.prepare(`SELECT seq, leaf FROM ${table} WHERE seq >= ? ORDER BY seq LIMIT ${PAGE}`)
    for (let more = true; more; ) {
      const rows = page.all(next) as Row[]
      for (const { seq, leaf } of rows) {
        if (seq !== next) throw new Error(`record ${next} is missing: run holdfast audit verify`)
        yield leaf
        next += 1
      }
      more = rows.length === PAGE
    }
  }
}

/** The tree over all records of a log. Reads every hash: about a second for a million. */
export function treeOf(database: Readable): HashTree {
  return HashTree.of(leavesIn(database))
}
