import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fsyncSync, openSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { leafHash, sameHash } from './merkle.ts'
import type { Readable } from './schema.ts'
import { recordsAfter } from './search.ts'

const PAGE = 4096

/**
 * Writes records to a file, one a line, as they are, and its hash beside it as `sha256sum -c` reads it. Both are durable, and new,
 * when this returns the hash in hexadecimal. Throws what the file system throws, also when the file is there already.
 */
export function writeArchive(database: Readable, from: number, to: number, path: string): string {
  const hash = createHash('sha256')
  writeNew(path, file => {
    for (let seq = from; seq < to; ) {
      const page = recordsAfter(database, seq - 1, Math.min(PAGE, to - seq))
      if (page[0]?.seq !== seq) throw new Error(`record ${seq} is missing: run holdfast audit verify`)
      const text = page.map(record => `${record.text}\n`).join('')
      hash.update(text)
      writeAll(file, Buffer.from(text))
      seq += page.length
    }
  })
  const sum = hash.digest('hex')
  writeNew(`${path}.sha256`, file => writeAll(file, Buffer.from(`${sum}  ${basename(path)}\n`)))
  return sum
}

/**
 * Compares an archive with the hashes that the log kept of its records. Gives how many agree, or says which is the first that does
 * not. Throws what reading throws.
 */
export async function compareArchive(
  database: Readable,
  path: string,
): Promise<{ readonly records: number } | { readonly at: number; readonly detail: string }> {
  const kept = database.prepare('SELECT leaf FROM pruned WHERE seq = ?')
  let first: number | undefined
  let records = 0
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    first ??= seqOf(line)
    const seq = (first ?? 0) + records
    const [row] = kept.all(seq) as { leaf: Uint8Array }[]
    if (row === undefined)
      return { at: seq, detail: `the log has not pruned record ${seq}, and the archive has it` }
    if (!sameHash(leafHash(Buffer.from(line)), row.leaf))
      return {
        at: seq,
        detail: `record ${seq} of the archive does not have the hash that the log kept of it`,
      }
    records += 1
  }
  return { records }
}

function seqOf(line: string): number | undefined {
  const [, seq] = /"seq":(\d+)/.exec(line) ?? []
  return seq === undefined ? undefined : Number(seq)
}

/** A file that was not there before, for its owner alone; durable with its name. */
function writeNew(path: string, write: (file: number) => void): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    write(file)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** A write may take less than it was given. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
}
