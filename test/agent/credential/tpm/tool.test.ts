import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runTool } from '../../../../agent/credential/tpm/tool.ts'

describe('TPM tool', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hf-tool-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  async function run(script: string, args: string[] = [], signal = AbortSignal.timeout(30_000)) {
    await writeFile(join(directory, 'tool'), `#!/bin/sh\n${script}\n`)
    await chmod(join(directory, 'tool'), 0o755)
    const access = { tcti: 'device:/dev/null', toolPath: `${directory}:/usr/bin:/bin` }
    return await runTool(access, 'tool', args, signal)
  }

  it('gives back every byte that a tool writes, whichever of the 256 comes last', async () => {
    for (let last = 0; last < 256; last++) {
      const octal = last.toString(8).padStart(3, '0')
      const answer = await run(`printf '\\376\\n\\r\\${octal}'`)
      assert.deepEqual(answer.kind === 'done' && [...answer.stdout], [0xfe, 0x0a, 0x0d, last])
    }
  })

  it('gives a tool nothing of this process’s environment', async () => {
    const answer = await run('env')
    const lines = answer.kind === 'done' ? Buffer.from(answer.stdout).toString().trim().split('\n') : []
    assert.deepEqual(lines.filter(line => !/^(PWD|SHLVL|_)=/.test(line)).sort(), [
      'LANG=C',
      `PATH=${directory}:/usr/bin:/bin`,
      'TPM2TOOLS_TCTI=device:/dev/null',
    ])
  })

  it('finds the TPM’s response code, and not those that the software stack logs before it', async () => {
    const answer = await run(`cat >&2 <<'END'
WARNING:esys:src/tss2-esys/api/Esys_HMAC.c:300:Esys_HMAC_Finish() Received TPM Error
ERROR:esys:src/tss2-esys/api/Esys_HMAC.c:100:Esys_HMAC() Esys Finish ErrorCode (0x0000012f)
ERROR: Esys_HMAC(0x99D) - tpm:session(1):a policy check failed
ERROR: Unable to run tpm2_hmac
END
exit 1`)
    assert.deepEqual(answer.kind === 'failed' && [answer.cause, answer.code], ['exit', 0x99d])
  })

  it('says `missing` when there is no such tool', async () => {
    const access = { tcti: 'device:/dev/null', toolPath: directory }
    const answer = await runTool(access, 'no-such-tool', [], AbortSignal.timeout(30_000))
    assert.equal(answer.kind === 'failed' && answer.cause, 'missing')
  })

  it('starts nothing after the deadline', async () => {
    const answer = await run(`touch ${directory}/started`, [], AbortSignal.abort())
    assert.equal(answer.kind === 'failed' && answer.cause, 'aborted')
    await assert.rejects(readFile(join(directory, 'started')), { code: 'ENOENT' })
  })

  it('keeps no output of a tool that failed', async () => {
    const answer = await run('printf secret; exit 1')
    assert.ok(!JSON.stringify(answer).includes('secret'))
  })

  it('gives up on a tool that does not stop writing', async () => {
    const answer = await run('while :; do echo yes; done')
    assert.equal(answer.kind === 'failed' && answer.cause, 'exit')
  })
})
