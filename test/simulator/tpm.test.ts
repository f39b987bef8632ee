import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { execa } from 'execa'
import { type SoftwareTpm, startTpm } from '../../simulator/tpm.ts'

describe('software TPM', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hf-swtpm-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('answers tpm2-tools as soon as it is started, wherever its state is kept', async () => {
    // Longer than a socket's path may be, and with a comma, which swtpm's options cannot have.
    await using tpm = await startTpm({ dir: join(directory, 'a,b', 'long'.repeat(30)) })
    assert.match(await ask(tpm, 'tpm2_getrandom', '--hex', '8'), /^[0-9a-f]{16}$/)
  })

  it('keeps NV memory and forgets PCRs over a power cycle', async () => {
    await using tpm = await startTpm({ dir: join(directory, 'cycle') })
    const { tcti } = tpm
    await ask(tpm, 'tpm2_nvdefine', '0x1500016', '-s', '4')
    await ask(tpm, 'tpm2_pcrextend', `7:sha256=${'ab'.repeat(32)}`)
    assert.doesNotMatch(await ask(tpm, 'tpm2_pcrread', 'sha256:7'), /0x0{64}/)
    await tpm.restart()
    assert.equal(tpm.tcti, tcti)
    assert.match(await ask(tpm, 'tpm2_nvreadpublic', '0x1500016'), /0x1500016/)
    assert.match(await ask(tpm, 'tpm2_pcrread', 'sha256:7'), /0x0{64}/)
  })

  it('keeps its state from one start to the next', async () => {
    const dir = join(directory, 'again')
    {
      await using tpm = await startTpm({ dir })
      await ask(tpm, 'tpm2_nvdefine', '0x1500016', '-s', '4')
    }
    await using tpm = await startTpm({ dir })
    assert.match(await ask(tpm, 'tpm2_nvreadpublic', '0x1500016'), /0x1500016/)
  })

  it('can be paused: it answers nothing until resumed', async () => {
    await using tpm = await startTpm({ dir: join(directory, 'pause') })
    tpm.pause()
    const answer = ask(tpm, 'tpm2_getrandom', '--hex', '8')
    const first = await Promise.race([answer, new Promise(resolve => setImmediate(resolve, 'nothing yet'))])
    tpm.resume()
    assert.equal(first, 'nothing yet')
    assert.match(await answer, /^[0-9a-f]{16}$/)
  })

  it('stops even while paused, and leaves no socket behind', async () => {
    const tpm = await startTpm({ dir: join(directory, 'stop') })
    const sockets = tpm.tcti.replace(/^swtpm:path=|\/tpm$/g, '')
    tpm.pause()
    await tpm[Symbol.asyncDispose]()
    await assert.rejects(readdir(sockets), { code: 'ENOENT' })
  })

  it('ends with the program that started it, even when that is killed', async () => {
    const script = `
      import { startTpm } from ${JSON.stringify(new URL('../../simulator/tpm.ts', import.meta.url).href)}
      const tpm = await startTpm({ dir: ${JSON.stringify(join(directory, 'orphan'))} })
      console.log(tpm.tcti)
      setInterval(() => tpm, 1e6)`
    const starter = execa(process.execPath, ['--input-type=module', '--eval', script], { reject: false })
    const [line] = await once(starter.stdout, 'data')
    const path = String(line).trim().replace('swtpm:path=', '')
    const connection = connect(path)
    await once(connection, 'connect')
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    // Whether it ends in order or is reset is the kernel's affair.
    connection
      .resume()
      .on('error', () => {})
      .on('close', () => resolve())
    starter.kill('SIGKILL')
    await closed
    await rm(dirname(path), { recursive: true })
  })

  it('says in words why it does not start, and names the package that is missing', async () => {
    await using running = await startTpm({ dir: join(directory, 'taken') })
    assert.match(await ask(running, 'tpm2_getrandom', '--hex', '8'), /^[0-9a-f]{16}$/)
    await assert.rejects(startTpm({ dir: join(directory, 'taken') }), /swtpm did not start: .*lock/i)
    const path = process.env.PATH ?? ''
    try {
      process.env.PATH = directory
      await assert.rejects(startTpm({ dir: join(directory, 'none') }), /apt-get install util-linux/)
      await symlink('/usr/bin/setpriv', join(directory, 'setpriv'))
      await assert.rejects(startTpm({ dir: join(directory, 'none') }), /apt-get install swtpm/)
    } finally {
      process.env.PATH = path
    }
  })
})

async function ask(tpm: SoftwareTpm, tool: string, ...args: string[]): Promise<string> {
  const env = { TPM2TOOLS_TCTI: tpm.tcti }
  return (await execa(tool, args, { env })).stdout
}
