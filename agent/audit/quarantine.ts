import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open, rename, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { UnixMs } from '../../model/time.ts'
import { type CheckpointNote, parseCheckpoint } from './checkpoint.ts'
import { isSignedBy, type NoteVerifier } from './note.ts'

/** A log that was moved aside, as the log that takes its place names it. */
export interface Quarantined {
  /** Name of the file, beside the log. */
  readonly file: string
  /** SHA-256 of it and of the write-ahead log that went with it, in hexadecimal; undefined for what is not there, or no file. */
  readonly sha256: string | undefined
  readonly walSha256: string | undefined
  /** The newest checkpoint in it that the key signed: what the log is known to have held. */
  readonly checkpoint: string | undefined
}

/** The files of a log. The name of the first comes before the ends of the others, so that SQLite finds them together. */
const ENDS = ['', '-wal', '-shm', '-checkpoint'] as const

/**
 * Moves a log that cannot be used aside, with all that belongs to it. Nothing of it is changed or deleted: it is evidence.
 * Rejects with what the file system says; then nothing was moved, or a part, and nothing is lost.
 */
export async function quarantineLog(
  path: string,
  now: UnixMs,
  keys: readonly NoteVerifier[],
): Promise<Quarantined> {
  const aside = freeName(`${path}.quarantined-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`)
  const main = await examine(path, keys)
  const wal = await examine(`${path}-wal`, keys)
  // The log itself goes first: without its write-ahead log it might pass for a whole one. What a power cut leaves behind of
  // the others is moved at the next start, before a new log is begun beside it.
  for (const end of ENDS) {
    if (existsSync(`${path}${end}`)) await rename(`${path}${end}`, `${aside}${end}`)
  }
  await makeDurable(dirname(path))
  const [newest] = [main.checkpoint, wal.checkpoint]
    .filter(checkpoint => checkpoint !== undefined)
    .toSorted((a, b) => b.size - a.size)
  return { file: basename(aside), sha256: main.sha256, walSha256: wal.sha256, checkpoint: newest?.text }
}

/** Whether there is anything of a log, if only what belonged to one. */
export function hasRemains(path: string): boolean {
  return ENDS.some(end => existsSync(`${path}${end}`))
}

interface Examined {
  readonly sha256: string | undefined
  readonly checkpoint: { readonly size: number; readonly text: string } | undefined
}

const CHUNK = 1 << 20
/** Longer than any checkpoint of ours: what may be cut in two between chunks. */
const NOTE_MAX = 1024
/** Notes that are looked at and that no key of ours signed, at most: checking a signature takes its time, and a gateway is waiting to start. */
const FORGERIES_MAX = 10_000

/** Hashes a file and looks for checkpoints in its bytes, wherever they are: a damaged database may show none of its rows. */
async function examine(path: string, keys: readonly NoteVerifier[]): Promise<Examined> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) return { sha256: undefined, checkpoint: undefined }
  const hash = createHash('sha256')
  let newest: Examined['checkpoint']
  let rest = Buffer.alloc(0)
  const look = { forgeries: 0 }
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    const window = Buffer.concat([rest, chunk])
    for (const { size, text } of checkpointsIn(window, keys, look)) {
      if (newest === undefined || size > newest.size) newest = { size, text }
    }
    rest = window.subarray(-NOTE_MAX)
  }
  return { sha256: hash.digest('hex'), checkpoint: newest }
}

function* checkpointsIn(
  bytes: Buffer,
  keys: readonly NoteVerifier[],
  look: { forgeries: number },
): Generator<{ size: number; text: string }> {
  for (const key of keys) {
    const signature = Buffer.from(`\n\n— ${key.name} `)
    const origin = Buffer.from(`${key.name}\n`)
    for (let at = bytes.indexOf(signature); at >= 0; at = bytes.indexOf(signature, at + 1)) {
      // Never farther than a note reaches: the file may have been made so that it takes a day to look through.
      const near = bytes.subarray(Math.max(0, at - NOTE_MAX), at + NOTE_MAX)
      const middle = Math.min(at, NOTE_MAX)
      const from = near.lastIndexOf(origin, middle)
      const end = near.indexOf('\n', middle + 2)
      if (from < 0 || end < 0 || end - from > NOTE_MAX) continue
      const text = near.toString('utf8', from, end + 1)
      const checkpoint: CheckpointNote | undefined = parseCheckpoint(text)
      if (checkpoint === undefined || look.forgeries > FORGERIES_MAX) continue
      if (isSignedBy(checkpoint.note, key)) yield { size: checkpoint.size, text }
      else look.forgeries += 1
    }
  }
}

/** A name under which there is nothing yet: two logs in one second are two pieces of evidence. */
function freeName(wished: string): string {
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? wished : `${wished}-${count}`
    if (!hasRemains(name)) return name
  }
}

async function makeDurable(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}
