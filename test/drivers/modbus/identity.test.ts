import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { Connected } from './connected.ts'
import { type OddRequest, OddServer, reply } from './odd-server.ts'

const LATER = 3000

async function identityFrom(answer: (request: OddRequest) => Buffer | undefined) {
  await using server = await OddServer.start(answer)
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }))
  return await connected.driver({}).identify(LATER)
}

/** An answer with these objects; `next` is where the rest begins. */
function objects(kind: number, list: readonly (readonly [number, string])[], next?: number): number[] {
  const bytes = list.flatMap(([id, text]) => [id, text.length, ...Buffer.from(text, 'latin1')])
  return [43, 14, kind, 0x82, next === undefined ? 0 : 0xff, next ?? 0, list.length, ...bytes]
}

test('a device that tells everything at once is known by it', async () => {
  const identity = await identityFrom(request =>
    reply(
      request,
      objects(2, [
        [0, 'ACME'],
        [1, 'V-100'],
        [2, '1.4'],
        [4, 'Valve head'],
        [0x80, 'north'],
      ]),
    ),
  )
  assert.deepEqual(identity, {
    kind: 'identity',
    facts: {
      vendor: 'ACME',
      product_code: 'V-100',
      revision: '1.4',
      product_name: 'Valve head',
      object_128: 'north',
    },
  })
})

test('a device that tells it in parts is asked for each', async () => {
  const identity = await identityFrom(request =>
    reply(request, request.pdu[3] === 0 ? objects(2, [[0, 'ACME']], 1) : objects(2, [[1, 'V-100']])),
  )
  assert.deepEqual(identity.kind === 'identity' && identity.facts, { vendor: 'ACME', product_code: 'V-100' })
})

test('a device that knows only the basic objects is asked for those', async () => {
  const identity = await identityFrom(request =>
    reply(request, request.pdu[2] === 2 ? [0xab, 3] : objects(1, [[0, 'ACME']])),
  )
  assert.deepEqual(identity.kind === 'identity' && identity.facts, { vendor: 'ACME' })
})

test('a device that does not know the question says so', async () => {
  const identity = await identityFrom(request => reply(request, [0xab, 1]))
  assert.match(identity.kind === 'failed' ? identity.reason : '', /exception 1: illegal function/)
})

test('what a device says about itself cannot steer a terminal', async () => {
  const identity = await identityFrom(request => reply(request, objects(2, [[0, '\x1b[2J\x07ACME\x9b1m']])))
  assert.deepEqual(identity.kind === 'identity' && identity.facts, { vendor: '?[2J?ACME?1m' })
})

test('a device that never comes to an end, or is cut off, is not believed', async () => {
  const endless = await identityFrom(request =>
    reply(request, objects(2, [[0, 'x']], Math.min(255, (request.pdu[3] ?? 0) + 1))),
  )
  assert.match(endless.kind === 'failed' ? endless.reason : '', /more to say about itself/)
  const cut = await identityFrom(request => reply(request, [43, 14, 2, 0x82, 0, 0, 2, 0, 4, 65, 67]))
  assert.match(cut.kind === 'failed' ? cut.reason : '', /cut off/)
  const round = await identityFrom(request => reply(request, objects(2, [[0, 'x']], 0)))
  assert.equal(round.kind, 'identity')
})
