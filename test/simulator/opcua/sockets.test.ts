import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { it } from 'node:test'
import { Sockets } from '../../../simulator/opcua/sockets.ts'

it('whoever sends what is no chunk is told why and let go, though they go on sending and never close', async () => {
  const heard: Buffer[] = []
  const server = createServer(socket => void socket.on('data', (bytes: Buffer) => heard.push(bytes)))
  const ended: [string, string][] = []
  new Sockets().watch(
    server,
    () => 0,
    (peer, status) => ended.push([peer, status?.toString(16) ?? '']),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [socket] = (await once(server, 'connection')) as [Socket]
  client.on('error', () => {})
  const own = client.localPort
  client.write(Buffer.from('XYZF\x08\0\0\0', 'latin1'))
  const [told] = (await once(client, 'data')) as [Buffer]
  assert.equal(told.toString('hex'), '45525246100000000000' + '7e80ffffffff')
  const sending = setInterval(() => client.write('more'), 100)
  await once(socket, 'close')
  clearInterval(sending)
  assert.deepEqual(heard, [])
  assert.deepEqual(ended, [[`127.0.0.1:${own}`, '807e0000']])
  client.destroy()
  server.close()
})
