import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkPorts } from '../../../agent/doctor/ports.ts'
import { inodesOf, parseListening } from '../../../agent/doctor/sockets.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { lines } from './found.ts'

const listener = (host: string, port: number) =>
  ({
    kind: 'tcp',
    name: 'lan',
    host,
    port,
    allowedNetworks: [],
    panel: false,
    unattributedFailures: 'alarm',
    rate: { requests: 1, period: 1 },
  }) as const

async function listening(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

test('a port: taken by somebody, held by the agent, free again; on one address and on all', async () => {
  for (const [held, asked] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['127.0.0.1', '0.0.0.0'],
    ['::', '127.0.0.1'],
    ['::1', '::1'],
  ] as const) {
    const { server, port } = await listening(held)
    const say = async (agent: number | 'unseen' | undefined) =>
      lines(await checkPorts([listener(asked, port)], agent))[0] ?? ''
    assert.match(
      await say(undefined),
      new RegExp(`^error: .*process .*\\b${process.pid}\\b.* has this port`),
      held,
    )
    assert.match(await say(1), /^error: .* has this port/)
    assert.match(await say(process.pid), /^ok: .*the agent listens/)
    await new Promise(closed => server.close(closed))
    assert.match(await say(undefined), /^ok: .*free/)
    assert.match(await say(process.pid), /^error: .*an agent runs, and nobody listens there/)
  }
})

test('another address of the same port is nobody’s concern, and an address that is not here is', async () => {
  const { server, port } = await listening('127.0.0.2')
  assert.match(lines(await checkPorts([listener('127.0.0.1', port)], undefined))[0] ?? '', /^ok: .*free/)
  await new Promise(closed => server.close(closed))
  // TEST-NET-1 (RFC 5737) is on no host.
  assert.match(
    lines(await checkPorts([listener('192.0.2.1', 8440)], undefined))[0] ?? '',
    /^error: .*does not have that address \(EADDRNOTAVAIL\)/,
  )
  assert.match(lines(await checkPorts([listener('127.0.0.1', 0)], undefined))[0] ?? '', /^ok: .*the kernel/)
})

test('a socket: free, in the way, left over, with another mode than is configured', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 's')
  const unix = { kind: 'unix', name: 'operators', path, mode: 0o660, admin: false } as const
  const say = async (agent: number | undefined) => lines(await checkPorts([unix], agent))[0] ?? ''
  assert.match(await say(undefined), /^ok: .*free/)
  assert.match(await say(1), /^error: .*the socket is not there/)
  const server = createServer().listen(path)
  await once(server, 'listening')
  assert.match(await say(undefined), /^ok: .*left by an earlier agent/)
  assert.match(await say(1), /^error: .*has the mode [0-7]+, and the configuration says 660/)
  await new Promise(closed => server.close(closed))
  await writeFile(path, '')
  assert.match(await say(undefined), /^error: .*something else is there/)
})

test('what the kernel prints of sockets is read: only those that listen, addresses in network order', () => {
  const tcp = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:20F8 00000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 4711 1 0 100 0 0 10 0',
    '   1: 0100007F:20F8 0100007F:D431 01 00000000:00000000 00:00000000 00000000   998        0 4712 1 0 20 4 30 10 -1',
  ].join('\n')
  assert.deepEqual(parseListening(tcp), [{ address: '7f000001', port: 8440, inode: 4711 }])
  const unix = [
    'Num       RefCount Protocol Flags    Type St Inode Path',
    '00000000b8f5a3c4: 00000002 00000000 00010000 0001 01 22093 /var/lib/holdfast/lock',
    '00000000b8f5a3c5: 00000003 00000000 00000000 0001 03 22094',
  ].join('\n')
  assert.deepEqual(inodesOf(unix, '/var/lib/holdfast/lock'), [22093])
  assert.deepEqual(inodesOf(unix, '/elsewhere'), [])
})
