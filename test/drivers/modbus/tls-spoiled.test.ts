import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tlsWay } from '../../../drivers/modbus/tls.ts'
import { Authority } from '../../agent/certificates.ts'
import { TcpGate } from '../../tcp-gate.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { hasty } from './hasty-clock.ts'
import { OddServer, registerDevice } from './odd-server.ts'
import { TlsFront } from './tls-front.ts'

const SOON = 3000
const IN_TIME = 200

/** Bytes of TLS that are not what the device sent. Byte 0 is the type of a record, bytes 3 and 4 are its length (RFC 8446 §5.1). */
const RUINS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'a bit turned': bytes => {
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 3) ^ 4, bytes.length - 3)
    return bytes
  },
  'a record of 65,535 bytes': bytes => {
    bytes.writeUInt16BE(0xffff, 3)
    return bytes
  },
  'an empty record': bytes => {
    bytes.writeUInt16BE(0, 3)
    return bytes
  },
  'a record of no known type': bytes => {
    bytes.writeUInt8(99, 0)
    return bytes
  },
  'an answer in plain Modbus TCP': () => Buffer.from('000000000005010302dead', 'hex'),
  'an answer in HTTP': () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'half a record, and silence': bytes => bytes.subarray(0, 9),
  'an alert from somebody else': () => Buffer.from('15030300020228', 'hex'),
  'an end from somebody else': () => Buffer.from('15030300020100', 'hex'),
}

/** What becomes of the next that the device says. */
let ruin: ((bytes: Buffer) => Buffer) | undefined

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`in ${version}, what somebody else put into a connection is never believed, and is told in one plain line`, async t => {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const authority = await Authority.make(folder.path, 'plant-ca')
    const [its, ours] = [
      await authority.issue('plc', 'IP:127.0.0.1'),
      await authority.issue('gateway', 'DNS:gateway'),
    ]
    const device = stack.use(await OddServer.start(registerDevice(new Map([[0, 7]]))))
    const front = stack.use(
      new TlsFront({ host: '127.0.0.1', port: device.port }, its, authority.path, {
        minVersion: version,
        maxVersion: version,
      }),
    )
    await front.restore()
    const gate = stack.use(
      new TcpGate(front.port, inside => ({
        answered: bytes => {
          const spoil = ruin
          ruin = undefined
          inside.write(spoil ? spoil(Buffer.from(bytes)) : bytes)
        },
      })),
    )
    await gate.open()
    for (const [name, spoil] of Object.entries(RUINS)) {
      for (const when of ['of the handshake', 'of the answer'] as const) {
        await t.test(`${name} in place ${when}`, async () => {
          const endpoint = { host: '127.0.0.1', port: gate.port, ...ours, ca: authority.path }
          if (when === 'of the handshake') ruin = spoil
          await using connected = await Connected.to(tlsWay(endpoint), { timeout: IN_TIME }, hasty)
          if (when === 'of the answer') ruin = spoil
          const driver = connected.driver({ one: { holding_register: 0 } })
          const reading = await driver.read('one', IN_TIME)
          assert.equal(reading.kind, 'failed')
          const { reason } = reading as { reason: string }
          assert.match(reason, /^[^\n]{10,120}$/)
          assert.doesNotMatch(reason, /openssl|error:|0x|[0-9A-F]{8}/i)
          // And then the device is read over a new connection.
          let again = await driver.read('one', SOON)
          while (again.kind !== 'value') {
            await connected.connected(true)
            again = await driver.read('one', SOON)
          }
          assert.equal(valueIn(again), 7)
        })
      }
    }
  })
}
