import assert from 'node:assert/strict'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { actAsOwner, type ProcessUser } from '../../agent/state-owner.ts'

const OWNER = 54321

function recorded(user: number): { self: ProcessUser; calls: string[] } {
  const calls: string[] = []
  return {
    calls,
    self: {
      getuid: () => user,
      initgroups: (user, group) => calls.push(`groups of ${user}, ${group}`),
      setgid: group => calls.push(`group ${group}`),
      setuid: user => calls.push(`user ${user}`),
    },
  }
}

function folder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-owner-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

test('whoever is not root stays who they are', () => {
  using dir = folder()
  const { self, calls } = recorded(1000)
  assert.equal(actAsOwner(dir.path, self), 1000)
  assert.deepEqual(calls, [])
})

test('root stays root where the directory is not there yet', () => {
  using dir = folder()
  const { self, calls } = recorded(0)
  assert.equal(actAsOwner(join(dir.path, 'none'), self), 0)
  assert.deepEqual(calls, [])
})

test('what root does in the directory of the agent belongs to the agent, and there is no way back', {
  skip: process.getuid?.() === 0 ? false : 'only root can become somebody else: run the tests as root too',
}, async () => {
  using dir = folder()
  chownSync(dir.path, OWNER, OWNER)
  const { self, calls } = recorded(0)
  assert.equal(actAsOwner(dir.path, self), OWNER)
  assert.deepEqual(calls, [`groups of ${OWNER}, ${OWNER}`, `group ${OWNER}`, `user ${OWNER}`])

  const module = JSON.stringify(join(import.meta.dirname, '../../agent/state-owner.ts'))
  const text = `
    const { actAsOwner } = await import(${module})
    actAsOwner(${JSON.stringify(dir.path)}, process)
    let back = 'none'
    try { process.setuid(0); back = 'root again' } catch {}
    console.log(process.getuid(), process.getgid(), back, process.cwd())
  `
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', text], { reject: false })
  assert.equal(stdout, `${OWNER} ${OWNER} none /`)
})
