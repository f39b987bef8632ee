import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fsyncSync, openSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { leafHash, sameHash } from './merkle.ts'
import type { Readable } from './schema.ts'
import { recordsAfter } from './search.ts'

const PAGE = 4096
const LINE_FEED = 0x0a
/** Longer than any record, in bytes: what has no line feed is not read into memory whole. */
const LINE_LENGTH_MAX = 16 * 1024 * 1024

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

export type ComparedArchive =
  /** It is a file that the log says was written, and each of its records has the hash that the log kept. */
  | { readonly kind: 'whole'; readonly records: number }
  /** Record `at` is the first that is not as it was written. */
  | { readonly kind: 'altered'; readonly at: number; readonly detail: string }
  /** Nothing in it is wrong, and nothing says that it is all there was. */
  | { readonly kind: 'unproven'; readonly detail: string }

/**
 * Compares an archive with the hashes that the log kept of its records, and with what the log says of the file (`log-pruned`): hashes
 * alone do not tell that records are missing at its end. A line ends with 0x0A and with nothing else. Throws what reading throws.
 */
export async function compareArchive(database: Readable, path: string): Promise<ComparedArchive> {
  const kept = database.prepare('SELECT leaf FROM pruned WHERE seq = ?')
  const whole = createHash('sha256')
  let first: number | undefined
  let records = 0
  for await (const line of linesOf(path, chunk => whole.update(chunk))) {
    first ??= seqOf(line.toString()) ?? 0
    const seq = first + records
    const [row] = kept.all(seq) as { leaf: Uint8Array }[]
    if (row === undefined) return altered(seq, `the log has not pruned record ${seq}, and the archive has it`)
    if (!sameHash(leafHash(line), row.leaf))
      return altered(seq, `record ${seq} of the archive does not have the hash that the log kept of it`)
    records += 1
  }
  if (first === undefined) return { kind: 'unproven', detail: `the archive ${path} is empty` }
  const end = first + records
  const sum = whole.digest('hex')
  if (prunings(database).some(({ to, sha256 }) => to === end && sha256 === sum))
    return { kind: 'whole', records }
  return {
    kind: 'unproven',
    detail: `records ${first} to ${end - 1} of the archive are as they were written, and no record \`log-pruned\` in the log is about a file that ends there and has its SHA-256: a part of it may be missing, or that record was pruned itself, and is in a later archive`,
  }
}

/** What the log says of the archives that were written of it. */
function prunings(database: Readable): { readonly to: unknown; readonly sha256: unknown }[] {
  const rows = database.prepare("SELECT bytes FROM record WHERE kind = 'log-pruned'").all()
  return (rows as { bytes: string }[]).map(({ bytes }) => {
    const { pruned_to: to, archive_sha256: sha256 } = JSON.parse(bytes) as Record<string, unknown>
    return { to, sha256 }
  })
}

/** The bytes between one 0x0A and the next, as they are: U+2028 and a carriage return end a line elsewhere, and no record. */
async function* linesOf(path: string, onRead: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    onRead(chunk)
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      yield Buffer.concat([rest, chunk.subarray(from, end)])
      rest = Buffer.alloc(0)
      from = end + 1
    }
    rest = Buffer.concat([rest, chunk.subarray(from)])
    if (rest.length > LINE_LENGTH_MAX) break
  }
  if (rest.length > 0) yield rest
}

function altered(at: number, detail: string): ComparedArchive {
  return { kind: 'altered', at, detail }
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
