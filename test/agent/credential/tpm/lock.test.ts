import assert from 'node:assert/strict'
import { once } from 'node:events'
import { lstat, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { execa } from 'execa'
import { ProcessLock } from '../../../../agent/credential/tpm/lock.ts'

const access = { tcti: 'device:/dev/null' }
const soon = () => AbortSignal.timeout(30_000)

describe('process lock', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hf-lock-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('is held by one at a time and free again at the end of its scope', async () => {
    {
      await using first = await ProcessLock.take(directory, access, soon())
      assert.equal(first.failure, undefined)
      assert.equal(await isFree(directory), false)
    }
    assert.equal(await isFree(directory), true)
  })

  it('waits for whoever holds it, and not beyond the deadline', async () => {
    const held = await ProcessLock.take(directory, access, soon())
    await using impatient = await ProcessLock.take(directory, access, AbortSignal.timeout(50))
    assert.equal(impatient.failure?.cause, 'aborted')
    const waiting = ProcessLock.take(directory, access, soon())
    await held[Symbol.asyncDispose]()
    await using second = await waiting
    assert.equal(second.failure, undefined)
  })

  it('is free when the process that held it is killed', async () => {
    const module = new URL('../../../../agent/credential/tpm/lock.ts', import.meta.url).href
    const script = `
      import { ProcessLock } from ${JSON.stringify(module)}
      globalThis.lock = await ProcessLock.take(${JSON.stringify(directory)}, { tcti: '' }, AbortSignal.timeout(30000))
      console.log('held')
      process.stdin.resume()`
    const holder = execa(process.execPath, ['--input-type=module', '--eval', script], { reject: false })
    await once(holder.stdout, 'data')
    assert.equal(await isFree(directory), false)
    holder.kill('SIGKILL')
    await using lock = await ProcessLock.take(directory, access, soon())
    assert.equal(lock.failure, undefined)
  })

  it('follows no link, and makes nothing where one leads to', async () => {
    const led = join(directory, 'led')
    await symlink(join(directory, 'not-there'), led)
    await using nowhere = await ProcessLock.take(led, access, soon())
    assert.equal(nowhere.failure?.cause, 'exit')
    await assert.rejects(lstat(join(directory, 'not-there')), { code: 'ENOENT' })
    await rm(led)
    await symlink(directory, led)
    await using elsewhere = await ProcessLock.take(led, access, soon())
    assert.equal(elsewhere.failure?.cause, 'exit')
    assert.equal(await isFree(directory), true)
  })

  it('says so when it cannot be had: no such directory, no such program', async () => {
    await using nowhere = await ProcessLock.take(join(directory, 'no', 'where'), access, soon())
    assert.equal(nowhere.failure?.cause, 'exit')
    await mkdir(join(directory, 'empty'))
    await using toolless = await ProcessLock.take(
      directory,
      { ...access, toolPath: join(directory, 'empty') },
      soon(),
    )
    assert.equal(toolless.failure?.cause, 'missing')
  })
})

async function isFree(directory: string): Promise<boolean> {
  const { exitCode } = await execa('flock', ['--nonblock', directory, 'true'], { reject: false })
  return exitCode === 0
}
