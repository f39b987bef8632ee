import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { audit, RunningAudit } from './command.ts'
import { Folder, intent, OpenLog, SIGNER, VKEY, writeLog } from './fixture.ts'

describe('holdfast audit backup', () => {
  it('copies a closed log, for its owner alone, and changes nothing', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    const before = readFileSync(folder.log)
    const out = join(folder.path, 'copy.db')
    const { code, out: said } = audit('backup', folder.log, '--out', out, '--json')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(said), { backup: out, records: 25 })
    assert.deepEqual(readdirSync(folder.path), ['audit.db', 'copy.db'])
    assert.deepEqual(readFileSync(folder.log), before)
    assert.equal(statSync(out).mode & 0o777, 0o600)
    assert.equal(verifyAuditLog({ path: out, publicKey: VKEY }).kind, 'intact')
  })

  it('copies the log of a running agent as it was at one moment, while it is written to, and keeps nobody waiting', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, { clock: systemClock })
    open.log.checkpointWith(SIGNER)
    for (let index = 0; index < 200; index += 1) open.log.note(intent(index))
    const out = join(folder.path, 'copy.db')
    await using running = new RunningAudit('backup', folder.log, '--out', out, '--json')
    let written = 0
    const line = running.line()
    while (!existsSync(out) || written < 200) {
      assert.equal((await open.log.append(intent(written))).kind, 'durable')
      written += 1
    }
    const { records } = JSON.parse(await line) as { records: number }
    const verdict = verifyAuditLog({ path: out, publicKey: VKEY })
    assert.deepEqual([verdict.kind, verdict.kind === 'intact' && verdict.records], ['intact', records])
    assert.ok(records >= 200, `${records} records`)
  })

  it('writes over nothing, and leaves no half of a file', () => {
    using folder = new Folder()
    writeLog(folder.log, 5, 10)
    const out = join(folder.path, 'mine')
    writeFileSync(out, 'mine')
    assert.equal(audit('backup', folder.log, '--out', out).code, 2)
    assert.equal(readFileSync(out, 'utf8'), 'mine')
    assert.equal(audit('backup', join(folder.path, 'nothing'), '--out', join(folder.path, 'new')).code, 2)
    assert.equal(existsSync(join(folder.path, 'new')), false)
  })
})
