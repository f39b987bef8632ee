import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../temporary-folder.ts'

const AGENT = 54321
const MODULE = JSON.stringify(join(import.meta.dirname, '../../agent/state-lock.ts'))

/** A process that takes the lock of a directory as a user, and holds it. */
class Holder implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, null>

  private constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child
  }

  /** Resolves with the process and its first line: `held`, or why not. */
  static async start(stateDir: string, user: number, before = ''): Promise<{ holder: Holder; said: string }> {
    const text = `
      const { lockState } = await import(${MODULE})
      const { createServer } = await import('node:net')
      ${before}
      if (process.getuid() !== ${user}) process.setuid(${user})
      const lock = await lockState(${JSON.stringify(stateDir)})
      console.log(lock instanceof Error ? lock.obstacle + ': ' + lock.message : 'held as ' + process.geteuid())
      setInterval(() => {}, 1000)
    `
    const words = ['--input-type=module', '-e', text]
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return { holder: new Holder(child), said: line.toString().trim() }
  }

  /** Ends it at once, as a power cut does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await once(this.#child, 'close')
  }
}

describe('the lock of a state directory', {
  skip: process.getuid?.() === 0 ? false : 'only root can become somebody else: run the tests as root too',
}, () => {
  it("that root takes in the agent's directory is the agent's: it finds root there, and nobody when root was killed", async () => {
    await using folder = await temporaryFolder()
    await chown(folder.path, AGENT, AGENT)
    {
      const { holder, said } = await Holder.start(folder.path, 0)
      await using _root = holder
      assert.equal(said, 'held as 0', 'and it is root again')
      assert.equal((await lstat(join(folder.path, 'lock'))).uid, AGENT)
      const refused = await Holder.start(folder.path, AGENT)
      await using _refused = refused.holder
      assert.match(refused.said, /^blocked: another holdfast process uses /)
    }
    const { holder, said } = await Holder.start(folder.path, AGENT)
    await using _agent = holder
    assert.equal(said, `held as ${AGENT}`)
  })

  it("that is closed to the agent is no other process's for certain: it says whose it is and what to do, and touches nothing", async () => {
    await using folder = await temporaryFolder()
    await chown(folder.path, AGENT, AGENT)
    const lock = join(folder.path, 'lock')
    const asOnce = `createServer().listen(${JSON.stringify(lock)})`
    const { holder, said } = await Holder.start(folder.path, AGENT, asOnce)
    await using _agent = holder
    assert.match(said, /^owner: .*lock belongs to user 0, .*stop what user 0 runs there, then, as root: rm /)
    assert.equal((await lstat(lock)).uid, 0)
  })
})
