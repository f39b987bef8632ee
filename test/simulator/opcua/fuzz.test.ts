import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { it } from 'node:test'
import fc from 'fast-check'
import { startOpcUaPlant } from './opcua-plant.ts'
import { OpcUaWitness } from './witness.ts'

/** A message of OPC UA TCP (OPC 10000-6 §7.1.2), whatever is in it. */
function message(kind: string, body: Uint8Array, length = 8 + body.length): Buffer {
  const head = Buffer.alloc(8)
  head.write(kind, 'latin1')
  head.writeUInt32LE(length >>> 0, 4)
  return Buffer.concat([head, body])
}

/** A request to connect, as a client has it. */
function hello(url: string): Buffer {
  const body = Buffer.alloc(24)
  for (const [i, word] of [0, 65_536, 65_536, 0, 0, url.length].entries()) body.writeUInt32LE(word, 4 * i)
  return message('HELF', Buffer.concat([body, Buffer.from(url)]))
}

/** A secure channel without security, opened as a client does. */
function opening(): Buffer {
  const policy = Buffer.from('http://opcfoundation.org/UA/SecurityPolicy#None')
  const none = Buffer.from('ffffffffffffffff', 'hex')
  const length = Buffer.alloc(8)
  length.writeUInt32LE(policy.length, 4)
  const request = Buffer.from(
    `0100000001000000${'0100be01'}0000${'00'.repeat(8)}01000000${'00000000'}ffffffff${'00000000'}000000` +
      `00000000${'00000000'}01000000ffffffffc0270900`,
    'hex',
  )
  return message('OPNF', Buffer.concat([length, policy, none, request]))
}

const bytes = fc.uint8Array({ maxLength: 300 })
const kind = fc.constantFrom('HELF', 'OPNF', 'MSGF', 'MSGC', 'MSGA', 'CLOF', 'RHEF', 'ERRF', 'ACKF', 'XYZ?')
const framed = fc
  .tuple(kind, bytes, fc.option(fc.nat(0xffff_ffff), { nil: undefined }))
  .map(([kind, body, length]) => message(kind, body, length))

/** Sends bytes, and closes once the server has had the time of a turn or has closed itself. */
async function send(port: number, raw: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = new Promise(resolve => socket.on('close', resolve))
  socket.on('data', () => socket.destroy())
  socket.end(raw)
  setTimeout(() => socket.destroy(), 20)
  await closed
}

it('malformed frames do not end the simulator, and a client is served as before', async () => {
  await using site = await startOpcUaPlant({ security_policies: ['None', 'Basic256Sha256'], anonymous: true })
  const port = Number(new URL(site.url.replace('opc.tcp', 'http')).port)
  const start = [hello(site.url), Buffer.concat([hello(site.url), opening()])]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(Buffer.alloc(0), ...start),
      fc.array(
        fc.oneof(
          framed,
          bytes.map(raw => Buffer.from(raw)),
        ),
        { minLength: 1, maxLength: 4 },
      ),
      (prefix, messages) => send(port, Buffer.concat([prefix, ...messages])),
    ),
    { numRuns: 150, seed: 20_260_104 },
  )
  // A message that was right until one byte of it was changed.
  const right = Buffer.concat(start)
  await fc.assert(
    fc.asyncProperty(fc.nat(right.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const wrong = Buffer.from(right)
      wrong[at] = (wrong[at] ?? 0) ^ change
      return send(port, wrong)
    }),
    { numRuns: 100, seed: 20_260_105 },
  )
  await using witness = await OpcUaWitness.open(site, 'sign-and-encrypt')
  assert.equal((await witness.read('tank.level'))[0]?.status, '00000000')
})
