import type { Consistency, Inclusion, Stand } from './prove.ts'

/** The members are a promise to programs; their names are those of RFC 9162 §4.11 and §4.12 where these have one. */
export function inclusionJson({ index, record, leaf, at, path, tlogProof }: Inclusion) {
  return {
    proves: 'inclusion',
    record: record ?? null,
    leaf_index: index,
    leaf_hash: base64(leaf),
    ...standJson(at),
    inclusion_path: path.map(base64),
    tlog_proof: tlogProof ?? null,
  }
}

/** See `inclusionJson`. */
export function consistencyJson({ older, newer, path }: Consistency) {
  return {
    proves: 'consistency',
    older: standJson(older),
    newer: standJson(newer),
    consistency_path: path.map(base64),
  }
}

function standJson({ size, root, note }: Stand) {
  return { tree_size: size, root_hash: base64(root), checkpoint: note ?? null }
}

function base64(hash: Uint8Array): string {
  return Buffer.from(hash).toString('base64')
}
