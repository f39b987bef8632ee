import { fdatasyncSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Folder } from './folder.ts'

const BYTES = Buffer.alloc(4096)

/** The least that durable can mean: one block of a file that is there already, written over and synced, with no database. */
export class Block implements AsyncDisposable {
  readonly #folder: Folder
  readonly #file: FileHandle

  private constructor(folder: Folder, file: FileHandle) {
    this.#folder = folder
    this.#file = file
  }

  static async make(): Promise<Block> {
    const folder = await Folder.make()
    const file = await open(join(folder.path, 'block'), 'w')
    const block = new Block(folder, file)
    await block.keep()
    await file.sync()
    return block
  }

  /** Writes the block and returns when it is on the disk. From this very thread, as no way to the disk is shorter. */
  async keep(): Promise<void> {
    writeSync(this.#file.fd, BYTES, 0, BYTES.length, 0)
    fdatasyncSync(this.#file.fd)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    await this.#folder[Symbol.asyncDispose]()
  }
}
