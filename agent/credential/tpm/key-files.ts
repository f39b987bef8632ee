import { constants } from 'node:fs'
import { lchown, mkdir, open, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Owner, replaceFile } from '../../../keep/whole-file.ts'
import { type KeyRecord, parseRecord, type Unusable } from './key-record.ts'

/** A key object outside the TPM, as files for tpm2-tools: of the two blobs the private one is encrypted under the storage root. */
export interface KeyBlobs {
  readonly publicPath: string
  readonly privatePath: string
}

/**
 * The directory `<state_dir>/master-key`, with one file for each generation: `generation-1.json`. It is replaced by renaming, so
 * that a key is enrolled, recovered or removed entirely or not at all.
 */
export class KeyFiles {
  readonly #stateDir: string
  readonly directory: string

  constructor(stateDir: string) {
    this.#stateDir = stateDir
    this.directory = join(stateDir, 'master-key')
  }

  /** Makes the directory (mode 0700) unless it is there. */
  async prepare(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 })
    const owner = await this.#owner()
    // Not through a link: whoever has the state directory could lead root to anybody's folder (CWE-59).
    if (owner) await lchown(this.directory, owner.uid, owner.gid)
  }

  path(generation: number): string {
    return join(this.directory, `generation-${generation}.json`)
  }

  /** Every generation that is enrolled, the oldest first. */
  async generations(): Promise<number[]> {
    const names = (await readdir(this.directory).catch(ignoreMissing)) ?? []
    return names
      .flatMap(name => /^generation-([1-9][0-9]{0,8})\.json$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((one, other) => one - other)
  }

  /** The newest generation that is enrolled; undefined when none is. */
  async newest(): Promise<number | undefined> {
    return (await this.generations()).at(-1)
  }

  /** Reads a generation's record: undefined when there is none, and why it cannot be used where that is so. */
  async read(generation: number): Promise<KeyRecord | Unusable | undefined> {
    const text = await readFile(this.path(generation), 'utf8').catch(ignoreMissing)
    return text === undefined ? undefined : parseRecord(text, generation)
  }

  /** Writes a generation, in place of one that is there. */
  async write(record: KeyRecord): Promise<void> {
    await this.#replace(this.path(record.generation), `${JSON.stringify(record, null, 2)}\n`)
  }

  /** Keeps a copy of a generation as it is now, `generation-1.replaced-20260102T030405678Z.json`; returns its path, if there was one. */
  async keepReplaced(generation: number, at: string): Promise<string | undefined> {
    const bytes = await readFile(this.path(generation)).catch(ignoreMissing)
    if (bytes === undefined) return undefined
    const stamp = at.replaceAll(/[-:.]/g, '')
    const copy = join(this.directory, `generation-${generation}.replaced-${stamp}.json`)
    await this.#replace(copy, bytes)
    return copy
  }

  /** Overwrites and removes a generation and every copy of it. Returns how many files that were. */
  async remove(generation: number): Promise<number> {
    const own = new RegExp(`^generation-${generation}\\.(?:replaced-[0-9TZ]+\\.)?json(?:\\.new)?$`)
    const names = (await readdir(this.directory).catch(ignoreMissing)) ?? []
    // The file that counts goes first: from then on the generation is gone, whatever happens to the copies.
    const files = names.filter(name => own.test(name)).sort((one, other) => one.length - other.length)
    for (const name of files) await wipe(join(this.directory, name))
    await this.#sync()
    return files.length
  }

  async #replace(path: string, content: string | Uint8Array): Promise<void> {
    await replaceFile(path, content, 0o600, await this.#owner())
  }

  async #sync(): Promise<void> {
    await using directory = await open(this.directory, 'r')
    await directory.sync()
  }

  /** Root enrols, the daemon's own user reads: files belong to whoever the state directory belongs to. */
  async #owner(): Promise<Owner | undefined> {
    return process.getuid?.() === 0 ? await stat(this.#stateDir) : undefined
  }
}

/** Lays a record's blobs out as files in a turn's own directory, where tpm2-tools can read them. */
export async function layOut(record: KeyRecord, pathOf: (name: string) => string): Promise<KeyBlobs> {
  const blobs = { publicPath: pathOf('key.pub'), privatePath: pathOf('key.priv') }
  await writeFile(blobs.publicPath, Buffer.from(record.public, 'base64'), { mode: 0o600 })
  await writeFile(blobs.privatePath, Buffer.from(record.private, 'base64'), { mode: 0o600 })
  return blobs
}

async function wipe(path: string): Promise<void> {
  {
    await using file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW)
    const { size } = await file.stat()
    await file.write(new Uint8Array(size), 0, size, 0)
    await file.sync()
  }
  await unlink(path)
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
