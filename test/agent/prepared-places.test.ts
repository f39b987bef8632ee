import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { execa } from 'execa'
import { Gateway, HOLDFAST } from './gateway.ts'

/** What root asks of a gateway goes past places where every local user can lay something: memory that all share, and temporary files. */

const ROOT_ALONE = {
  skip: process.getuid?.() === 0 ? false : 'only root can be led astray, or become another',
}
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', '--']
/** Named as a work directory of a process that is gone: no process has so high a number. */
const LAID = '/dev/shm/holdfast-4194399-laid'

describe('places that other users prepare', ROOT_ALONE, () => {
  it('lead nobody who asks the TPM to overwrite a file: root, or the agent’s user', async () => {
    await using gateway = await Gateway.start()
    await using _laid = { [Symbol.asyncDispose]: () => rm(LAID, { recursive: true, force: true }) }
    const state = join(gateway.folder, 'state')
    const kept = join(gateway.folder, 'of-root')
    await writeFile(kept, 'root keeps this', { mode: 0o600 })
    await chmod(gateway.folder, 0o755)
    for (const words of [
      ['audit', 'verify', gateway.auditLog, '--tpm', gateway.tpm.tcti],
      ['tpm', 'status', '--config', gateway.config],
      ['doctor', '--config', gateway.config, '--offline'],
    ]) {
      await lay(kept)
      await gateway.holdfast(...words)
      assert.equal(await readFile(kept, 'latin1'), 'root keeps this', words.join(' '))
    }
    await execa('chown', ['-R', '12345:12345', state])
    const log = await readFile(gateway.auditLog)
    await lay(gateway.auditLog)
    await gateway.holdfast('enroll', '--config', gateway.config)
    const after = await readFile(gateway.auditLog)
    assert.deepEqual(after.subarray(0, 16), log.subarray(0, 16), 'enroll becomes the user of the state first')
    assert.ok(after.length >= log.length)
  })

  it('do not keep a copy of a log from being verified: nobody takes turns at the TPM with it', async () => {
    await using gateway = await Gateway.start()
    const everybodys = join(gateway.folder, 'tmp')
    const copy = join(gateway.folder, 'copy')
    await chmod(gateway.folder, 0o755)
    await mkdir(copy)
    await mkdir(everybodys)
    await chmod(everybodys, 0o1777)
    for (const name of ['audit.db', 'audit.vkey'])
      await cp(join(gateway.folder, 'state', name), join(copy, name))
    const holder = execa(
      'setpriv',
      [...NOBODY, 'flock', everybodys, 'sh', '-c', 'echo held; exec sleep infinity'],
      { reject: false, killDescendants: true, killSignal: 'SIGKILL' },
    )
    await once(holder.stdout, 'data')
    const verified = await execa(
      HOLDFAST,
      ['audit', 'verify', join(copy, 'audit.db'), '--tpm', gateway.tpm.tcti],
      { reject: false, stdin: 'ignore', env: { TMPDIR: everybodys } },
    )
    holder.kill('SIGKILL')
    await holder
    assert.equal(verified.exitCode, 0, verified.stderr)
  })
})

async function lay(target: string): Promise<void> {
  await rm(LAID, { recursive: true, force: true })
  await execa('setpriv', [...NOBODY, 'sh', '-ec', `mkdir ${LAID}; ln -s ${target} ${LAID}/a`])
}
