import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { OPCUAClient } from 'node-opcua-client'
import { applicationCertificate } from '../../drivers/opcua/server.ts'
import { startOpcUaPlant, USER } from './opcua-plant.ts'
import { Thrower } from './thrower.ts'
import { compose } from './thrown-requests.ts'
import { OpcUaWitness } from './witness.ts'

/** A plant, and what its OPC UA server said that it did not take. */
async function site() {
  await using stack = new AsyncDisposableStack()
  const plant = stack.use(
    await startOpcUaPlant({ security_policies: ['None', 'Basic256Sha256'], anonymous: true }),
  )
  const told: string[] = []
  const peers: string[] = []
  plant.plant.plc('plc').onObjection(({ peer, reason, more }) => {
    assert.equal(more, 0)
    told.push(reason)
    peers.push(peer)
  })
  const running = stack.move()
  const { port } = new URL(plant.url.replace('opc.tcp', 'http'))
  return {
    plant,
    told,
    peers,
    port: Number(port),
    /** Resolves when something more was told. */
    async next() {
      for (const before = told.length; told.length === before; )
        await new Promise(resolve => setImmediate(resolve))
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

describe('what the OPC UA server does not take', () => {
  it('is told once each, with the address of its sender and what was wrong: bytes that are no OPC UA, and chunks in the wrong form', async () => {
    await using rig = await site()
    for (const [bytes, reason] of [
      ['GET / HTTP/1.1\r\n\r\n', 'the connection was ended: BadTcpMessageTypeInvalid'],
      ['MSGF\x10\0\0\0\0\0\0\0\0\0\0\0', 'the connection was ended: BadDecodingError'],
      ['HELF\x10\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff', 'the connection was ended: BadConnectionRejected'],
    ] as const) {
      const socket = connect(rig.port, '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      const own = `127.0.0.1:${socket.localPort}`
      socket.resume().write(Buffer.from(bytes, 'latin1'))
      await once(socket, 'close')
      assert.deepEqual([rig.told.pop(), rig.peers.pop()], [reason, own])
      assert.deepEqual(rig.told, [])
    }
    // A port scan.
    connect(rig.port, '127.0.0.1').end()
    await rig.next()
    assert.deepEqual(rig.told.splice(0), ['the connection ended before there was a channel'])
    for (const [wrong, reason] of [
      [{ skip: 1 }, 'the connection was ended: BadTcpInternalError'],
      [{ token: 99 }, 'the connection was ended: BadSecureChannelTokenUnknown'],
      [{ size: 0xffff_ffff }, 'the connection was ended: BadTcpMessageTooLarge'],
    ] as const) {
      await using thrower = new Thrower(rig.plant, 'sign')
      await thrower.ask({ do: 'open', user: USER })
      await thrower.throw((await compose(thrower, 'read')).toString('hex'), wrong)
      assert.deepEqual(rig.told.splice(0), [reason])
    }
  })

  it('is told of a client whose certificate nobody approved, of a user who is not let in, and of a service that is refused', async () => {
    await using rig = await site()
    const stranger = await applicationCertificate(rig.plant.folder, 'stranger')
    await using unknown = new OpcUaWitness({ url: rig.plant.url, client: stranger }, 'sign-and-encrypt')
    await assert.rejects(unknown.ask({ do: 'open', user: USER }))
    assert.deepEqual(rig.told.splice(0), ["the client's certificate: BadCertificateUntrusted"])
    await using wrong = new OpcUaWitness(rig.plant, 'sign')
    await assert.rejects(wrong.ask({ do: 'open', user: ['olive', 'wrong'] }))
    assert.deepEqual(rig.told.splice(0), ['ActivateSession: BadUserAccessDenied'])
    await using known = await OpcUaWitness.open(rig.plant, 'sign')
    await rig.plant.plant.faults.set({ kind: 'session-closed' })
    await assert.rejects(known.read('tank.level'))
    assert.equal(rig.told.length, 1)
    assert.match(rig.told[0] ?? '', /^Read: BadSession(?:IdInvalid|Closed)$/)
    for (const peer of rig.peers) assert.match(peer, /^127\.0\.0\.1:\d+$/)
  })

  it('is nothing while an agent’s library connects, reads, and goes', async () => {
    await using rig = await site()
    const client = OPCUAClient.create({ endpointMustExist: false })
    await client.connect(rig.plant.url)
    const session = await client.createSession()
    await session.read({ nodeId: 'ns=2;s=tank.level', attributeId: 13 })
    await session.close()
    await client.disconnect()
    assert.deepEqual(rig.told, [])
  })
})
