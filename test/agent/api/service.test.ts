import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Service, type ServiceParts } from '../../../agent/api/service.ts'
import { systemClock } from '../../../agent/time/system-clock.ts'
import type { Problem } from '../../../model/refusal.ts'
import { LAN } from '../command/rig.ts'

test('a mistake of ours is answered with internal-error, which tells nothing of it; the log is told', async () => {
  const mistake = new Error('nobody outside is to read this')
  const told: unknown[] = []
  const parts: Partial<ServiceParts> = {
    clock: systemClock,
    // Nothing gets as far as these.
    commands: {} as ServiceParts['commands'],
    administration: {} as ServiceParts['administration'],
    rates: {
      take: () => {
        throw mistake
      },
    } as unknown as ServiceParts['rates'],
    onBug: error => void told.push(error),
  }
  const service = new Service(parts as ServiceParts)
  const server = createServer((request, response) => void service.handle(request, response, LAN)).listen(0)
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`)
    const text = await answer.text()
    assert.equal(answer.status, 500)
    assert.equal((JSON.parse(text) as Problem).code, 'internal-error')
    assert.ok(!text.includes(mistake.message))
    assert.deepEqual(told, [mistake])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
