/**
 * A proof that a record is in a log, as a file of its own (C2SP tlog-proof): place, the hashes from the leaf's sibling up, and
 * the checkpoint that they lead to.
 *
 *     c2sp.org/tlog-proof@v1
 *     index <place>
 *     <hash, base64>
 *     …
 *
 *     <checkpoint>
 */
export function formatTlogProof(index: number, path: readonly Uint8Array[], checkpoint: string): string {
  const hashes = path.map(hash => `${Buffer.from(hash).toString('base64')}\n`)
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${hashes.join('')}\n${checkpoint}`
}
