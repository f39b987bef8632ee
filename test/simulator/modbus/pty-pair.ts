import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Two ends of a serial line. */
export class PtyPair implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'pty-'))
  readonly ours = join(this.folder, 'ours')
  readonly theirs = join(this.folder, 'theirs')
  readonly #socat: ChildProcess

  private constructor() {
    const end = (link: string) => `pty,raw,echo=0,link=${link}`
    this.#socat = spawn('socat', ['-d', '-d', end(this.ours), end(this.theirs)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }

  static async open(): Promise<PtyPair> {
    const pair = new PtyPair()
    let told = ''
    assert.ok(pair.#socat.stderr)
    for await (const chunk of pair.#socat.stderr) {
      told += chunk
      if (told.includes('starting data transfer loop')) return pair
    }
    throw new Error(`socat made no pty: ${told}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#socat, 'close')
    this.#socat.kill()
    await ended
    rmSync(this.folder, { recursive: true })
  }
}
