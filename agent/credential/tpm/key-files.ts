import { chown, mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** `resident`: the key never leaves the TPM. `sealed`: the TPM hands it out, it is used once and wiped. */
export type TpmMode = 'resident' | 'sealed'

/** What is known of an enrolled key without asking the TPM. Nothing in it is secret. */
export interface KeyRecord {
  readonly version: 1
  readonly generation: number
  readonly mode: TpmMode
  /** The PCRs that the key is bound to: `sha256:7`. */
  readonly pcrs: string
  /** The TPM's name for the key (TPM 2.0 Part 1, 16), hexadecimal. */
  readonly name: string
  /** When, RFC 3339. */
  readonly enrolledAt: string
}

/** PCRs as tpm2-tools take them: `sha256:7`, `sha256:0,2,7`, `sha1:7+sha256:7`. */
export const PCRS_FORM = pcrsForm()

function pcrsForm(): RegExp {
  const index = '(?:[0-9]|1[0-9]|2[0-3])'
  const bank = `(?:sha1|sha256|sha384|sha512):${index}(?:,${index})*`
  return new RegExp(`^${bank}(?:\\+${bank})*$`)
}

/** The directory `<state_dir>/master-key` and the three files that each generation has in it. */
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
    await this.#giveToOwner(this.directory)
  }

  path(generation: number, part: 'json' | 'pub' | 'priv'): string {
    return join(this.directory, `generation-${generation}.${part}`)
  }

  /** The newest generation that is enrolled; undefined when none is. */
  async newest(): Promise<number | undefined> {
    const names = await readdir(this.directory).catch(ignoreMissing)
    const found = (names ?? []).map(name =>
      Number(/^generation-([1-9][0-9]{0,8})\.json$/.exec(name)?.[1] ?? 0),
    )
    return Math.max(0, ...found) || undefined
  }

  /** Reads a generation's record: undefined when there is none, `damaged` when it cannot be what enrolment wrote. */
  async read(generation: number): Promise<KeyRecord | 'damaged' | undefined> {
    const text = await readFile(this.path(generation, 'json'), 'utf8').catch(ignoreMissing)
    return text === undefined ? undefined : parseRecord(text, generation)
  }

  /** Writes a generation. The record comes last and by renaming: a key is enrolled entirely or not at all. */
  async write(record: KeyRecord, publicBlob: Uint8Array, privateBlob: Uint8Array): Promise<void> {
    await this.#replace(this.path(record.generation, 'pub'), publicBlob)
    await this.#replace(this.path(record.generation, 'priv'), privateBlob)
    await this.#replace(
      this.path(record.generation, 'json'),
      Buffer.from(`${JSON.stringify(record, null, 2)}\n`),
    )
  }

  async #replace(path: string, bytes: Uint8Array): Promise<void> {
    const draft = `${path}.new`
    {
      await using file = await open(draft, 'w', 0o600)
      await file.writeFile(bytes)
      await file.sync()
    }
    await this.#giveToOwner(draft)
    await rename(draft, path)
    await using directory = await open(this.directory, 'r')
    await directory.sync()
  }

  /** Root enrols, the daemon's own user reads: files belong to whoever the state directory belongs to. */
  async #giveToOwner(path: string): Promise<void> {
    if (process.getuid?.() !== 0) return
    const { uid, gid } = await stat(this.#stateDir)
    await chown(path, uid, gid)
  }
}

function parseRecord(text: string, generation: number): KeyRecord | 'damaged' {
  try {
    const record = JSON.parse(text) as Partial<KeyRecord>
    const sound =
      record.version === 1 &&
      record.generation === generation &&
      (record.mode === 'resident' || record.mode === 'sealed') &&
      typeof record.pcrs === 'string' &&
      PCRS_FORM.test(record.pcrs) &&
      typeof record.name === 'string' &&
      typeof record.enrolledAt === 'string'
    return sound ? (record as KeyRecord) : 'damaged'
  } catch {
    return 'damaged'
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
