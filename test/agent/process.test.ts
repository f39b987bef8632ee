import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Gateway } from './gateway.ts'

// Keys are in the agent's memory; these are the ways out of it that a process can close for itself.

test('an agent writes no core file, and SIGUSR1 neither ends it nor opens a debugger', async () => {
  await using gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  const limits = await readFile(`/proc/${agent.pid}/limits`, 'utf8')
  assert.match(limits, /^Max core file size +0 +0 /m)
  const listening = async (): Promise<number> => {
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map(name => readFile(`/proc/${agent.pid}/net/${name}`, 'utf8')),
    )
    // Sockets in the state LISTEN (0A) on the debugger's port, 9229.
    return tables.join('').match(/:240D [0-9A-F]+:0000 0A /g)?.length ?? 0
  }
  const before = await listening()
  process.kill(agent.pid, 'SIGUSR1')
  const answer = await fetch(`${agent.address}/healthz`)
  assert.deepEqual(await answer.json(), { alive: true })
  assert.equal(await listening(), before)
  const status = await readFile(`/proc/${agent.pid}/status`, 'utf8')
  const [, caught = '0'] = /^SigCgt:\s+([0-9a-f]+)$/m.exec(status) ?? []
  assert.equal((BigInt(`0x${caught}`) >> 9n) & 1n, 0n, 'nothing waits for SIGUSR1')
})
