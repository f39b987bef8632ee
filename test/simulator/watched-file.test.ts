import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { execa } from 'execa'
import { realClock } from '../../simulator/real-clock.ts'
import { type FileContent, WatchedFile } from '../../simulator/watched-file.ts'
import { temporaryFolder } from '../temporary-folder.ts'

/** What a watched file told, waited for one at a time. */
class Told {
  readonly #told: string[] = []
  #waiting: (() => void) | undefined

  readonly take = async (content: FileContent): Promise<void> => {
    this.#told.push(content.kind === 'text' ? content.text : content.kind)
    this.#waiting?.()
  }

  async next(): Promise<string> {
    while (this.#told.length === 0) await new Promise<void>(resolve => (this.#waiting = resolve))
    return this.#told.shift() ?? ''
  }

  get isEmpty(): boolean {
    return this.#told.length === 0
  }
}

// Each save is done in one go: a busy machine must not make it look like two.
describe('a watched file', () => {
  it('is told as it is at first, and then once for each way in which editors save', async () => {
    await using folder = await temporaryFolder()
    const [path, other] = [join(folder.path, 'faults.yaml'), join(folder.path, 'faults.yaml.new')]
    const told = new Told()
    await using _ = await WatchedFile.open(path, realClock, told.take)
    assert.equal(await told.next(), 'absent')
    writeFileSync(path, 'made')
    assert.equal(await told.next(), 'made')
    writeFileSync(path, 'emptied and written')
    assert.equal(await told.next(), 'emptied and written')
    writeFileSync(other, 'renamed')
    renameSync(other, path)
    assert.equal(await told.next(), 'renamed')
    // As an editor does that keeps a backup: for a moment there is no file.
    renameSync(path, `${path}~`)
    writeFileSync(path, 'behind its backup')
    assert.equal(await told.next(), 'behind its backup')
    appendFileSync(path, ', longer')
    assert.equal(await told.next(), 'behind its backup, longer')
    rmSync(path)
    assert.equal(await told.next(), 'absent')
    writeFileSync(path, 'made again')
    assert.equal(await told.next(), 'made again')
    assert.ok(told.isEmpty)
  })

  it('is not told before whoever writes it has come to an end', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'faults.yaml')
    writeFileSync(path, '')
    const parts = ['one, ', 'two, ', 'three']
    // Each time it waits for the file to settle, another part is written.
    const clock = {
      ...realClock,
      sleep: async () => {
        const part = parts.shift()
        if (part !== undefined) appendFileSync(path, part)
      },
    }
    const told = new Told()
    await using _ = await WatchedFile.open(path, clock, told.take)
    assert.equal(await told.next(), 'one, two, three')
    assert.ok(told.isEmpty)
  })

  it('tells nothing of its neighbours, nor of a save twice', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'faults.yaml')
    const told = new Told()
    await using _ = await WatchedFile.open(path, realClock, told.take)
    assert.equal(await told.next(), 'absent')
    for (let i = 0; i < 20; i++) writeFileSync(join(folder.path, `neighbour-${i}`), 'x')
    for (const text of ['1', '2', '3']) {
      // Several events each: made or emptied, written, and the neighbour's.
      writeFileSync(path, text)
      writeFileSync(join(folder.path, 'neighbour'), text)
      assert.equal(await told.next(), text)
      assert.ok(told.isEmpty)
    }
  })

  it('is told when a link in its folder leads to another file', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'faults.yaml')
    for (const version of ['1', '2']) {
      mkdirSync(join(folder.path, version))
      writeFileSync(join(folder.path, version, 'faults.yaml'), version)
    }
    // As Kubernetes mounts a configuration.
    symlinkSync('1', join(folder.path, '..data'))
    symlinkSync('..data/faults.yaml', path)
    const told = new Told()
    await using _ = await WatchedFile.open(path, realClock, told.take)
    assert.equal(await told.next(), '1')
    symlinkSync('2', join(folder.path, '..data.new'))
    renameSync(join(folder.path, '..data.new'), join(folder.path, '..data'))
    assert.equal(await told.next(), '2')
  })

  it('is told as unreadable, with the reason, and read once it can be', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'faults.yaml')
    mkdirSync(path)
    const seen: FileContent[] = []
    const told = new Told()
    await using _ = await WatchedFile.open(path, realClock, async content => {
      seen.push(content)
      await told.take(content)
    })
    assert.equal(await told.next(), 'unreadable')
    assert.deepEqual(seen, [{ kind: 'unreadable', reason: 'it is no ordinary file' }])
    rmSync(path, { recursive: true })
    writeFileSync(path, 'a file')
    while ((await told.next()) !== 'a file');
  })

  it('is not waited for where it is a pipe that nobody writes', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'faults.yaml')
    await execa('mkfifo', [path])
    const told = new Told()
    await using _ = await WatchedFile.open(path, realClock, told.take)
    assert.equal(await told.next(), 'unreadable')
  })

  it('cannot be watched in a folder that is not there', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'nowhere', 'faults.yaml')
    await assert.rejects(
      WatchedFile.open(path, realClock, async () => {}),
      { code: 'ENOENT', syscall: 'watch' },
    )
  })
})
