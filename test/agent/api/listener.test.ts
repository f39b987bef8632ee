import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { gone, KINDS, LITTLE_PATIENCE, listenerRig } from './listener-rig.ts'

const CONNECT = 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'
/** Longer than a test takes. */
const LONG = 60_000
const GET = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const OK = 'HTTP/1.1 200 OK'

/** Breaks off in the middle of what the other end says: a reset where there is one, and else an end that takes nothing more. */
function breakOff(wire: Socket): void {
  if (wire.remoteAddress === undefined) wire.destroy()
  else wire.resetAndDestroy()
}

/** What makes a listener speak to a connection outside of an answer: each hands on a socket of its own. */
const LAST_WORDS: readonly (readonly [what: string, sent: string, code: string])[] = [
  ['CONNECT', CONNECT, 'method-not-allowed'],
  ['CONNECT with more behind it', `${CONNECT}more`, 'method-not-allowed'],
  ['CONNECT with half a body', 'CONNECT a:1 HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf', 'method-not-allowed'],
  ['no HTTP', 'GARBAGE\r\n\r\n', 'request-malformed'],
]

for (const kind of KINDS) {
  for (const [what, sent, code] of LAST_WORDS) {
    test(`${kind}: whoever sends ${what} and breaks off while told why ends nothing but the own connection`, async () => {
      await using rig = await listenerRig(kind)
      const { client, wire, server } = await rig.open()
      client.write(sent)
      await once(client, 'data')
      breakOff(wire)
      await gone(server)
      assert.deepEqual(rig.refused, [code])
      assert.equal(await rig.ask(), OK)
    })
  }

  test(`${kind}: whoever sends CONNECT, is told why and holds on to it is let go after a second`, async () => {
    await using rig = await listenerRig(kind)
    const { client, server } = await rig.open()
    client.resume().write(CONNECT)
    await once(client, 'end')
    await rig.clock.advance(999)
    assert.equal(server.destroyed, false, 'it may read until then')
    await rig.clock.advance(1)
    await gone(server)
  })

  test(`${kind}: what asks for another protocol, or expects what nobody knows, is answered as it stands, and may break off`, async () => {
    await using rig = await listenerRig(kind)
    for (const line of ['Upgrade: websocket\r\nConnection: Upgrade', 'Expect: 100-continue', 'Expect: tea']) {
      const { client, wire, server } = await rig.open()
      client.write(`GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`)
      const [first] = (await once(client, 'data')) as [Buffer]
      assert.match(first.toString(), /^HTTP\/1\.1 (?:200 OK|100 Continue)/, line)
      breakOff(wire)
      await gone(server)
    }
    assert.equal(await rig.ask(), OK)
  })
}

for (const kind of KINDS) {
  test(`${kind}: whoever says nothing, or half of something, and holds on is told once and let go`, async () => {
    await using rig = await listenerRig(kind, { ...LITTLE_PATIENCE, handshake: LONG, reader: LONG })
    for (const sent of ['', 'GET / HTTP/1.1\r\nHo']) {
      const { client, server } = await rig.open()
      client.resume().write(sent)
      await once(client, 'end')
      await rig.clock.advance(1000)
      await gone(server)
    }
    assert.deepEqual(rig.refused, ['body-truncated', 'body-truncated'])
  })

  test(`${kind}: what comes after the last word is read by nobody and counts once`, async () => {
    await using rig = await listenerRig(kind)
    const { client, server } = await rig.open()
    client.resume().write('GARBAGE\r\n\r\n')
    await once(client, 'end')
    client.write('GARBAGE AGAIN\r\n\r\n')
    client.end()
    await gone(server)
    assert.deepEqual(rig.refused, ['request-malformed'])
  })

  test(`${kind}: whoever asks and does not take the answers is let go`, async () => {
    await using rig = await listenerRig(kind, {
      ...LITTLE_PATIENCE,
      handshake: LONG,
      head: LONG,
      request: LONG,
    })
    const { client, server } = await rig.open()
    client.write(GET('/much'))
    await gone(server)
  })

  test(`${kind}: whoever waits for an answer that takes its time gets it, however little patience there is`, async () => {
    await using rig = await listenerRig(kind, {
      ...LITTLE_PATIENCE,
      handshake: LONG,
      head: LONG,
      request: LONG,
    })
    const { client } = await rig.open()
    client.write(GET('/late'))
    const [said] = (await once(client, 'data')) as [Buffer]
    assert.ok(said.toString().startsWith(OK))
  })
}

test('tls: whoever does not finish a handshake, or says something else on its port, is let go', async () => {
  await using rig = await listenerRig('tls', { ...LITTLE_PATIENCE, head: LONG, request: LONG })
  for (const sent of ['', '\x16\x03', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n']) {
    const { client, server } = await rig.raw()
    client.resume().write(sent)
    while (rig.refused.length === 0) await new Promise(resolve => setImmediate(resolve))
    await rig.clock.advance(1000)
    await gone(server)
    assert.deepEqual(rig.refused.splice(0), ['identity-denied'], 'once')
  }
})

test('tls: whoever shows no certificate counts once, as nobody who was let in', async () => {
  await using rig = await listenerRig('tls')
  const { client, server } = await rig.raw()
  const secured = connectTls({ socket: client, rejectUnauthorized: false })
  secured.on('error', () => {})
  await gone(server)
  assert.deepEqual(rig.refused, ['identity-denied'])
})

test('however many connections a few sources hold, there is room for one more source', async () => {
  await using rig = await listenerRig('tcp')
  for (let source = 2; source < 12; source += 1)
    for (let count = 0; count < 130; count += 1) await rig.raw(`127.0.0.${source}`)
  assert.ok(rig.accepted.filter(({ destroyed }) => !destroyed).length >= 450, 'and most of the room is used')
  assert.equal(await rig.ask(), OK)
})

for (const kind of KINDS) {
  test(`${kind}: nobody who holds a connection holds up the stop for more than a second, whatever was sent`, async () => {
    await using rig = await listenerRig(kind)
    for (const sent of [
      '',
      'GET / HTTP/1.1\r\nHo',
      'GARBAGE\r\n\r\n',
      CONNECT,
      GET('/much'),
      GET('/never'),
    ]) {
      const { client } = await rig.open()
      client.write(sent)
    }
    await rig.raw()
    await rig.ask()
    const stopped = rig.listening[Symbol.asyncDispose]()
    await rig.clock.advance(1000)
    await stopped
  })
}

test('a connection that the kernel could not hand over ends nothing', async () => {
  await using rig = await listenerRig('tcp')
  const { server } = await rig.open()
  const { server: listening } = server as Socket & { server: Server }
  listening.emit('error', Object.assign(new Error('accept ENOBUFS'), { code: 'ENOBUFS' }))
  assert.equal(await rig.ask(), OK)
})

test('what the agent makes while a unix socket is bound is its own to use, and nobody else’s', async t => {
  const setMask = process.umask.bind(process)
  const modes: number[] = []
  t.mock.method(process, 'umask', (mask: number) => {
    const before = setMask(mask)
    const made = mkdtempSync(join(tmpdir(), 'hf-mask-'))
    modes.push(statSync(made).mode & 0o777)
    rmSync(made, { recursive: true })
    return before
  })
  await using _rig = await listenerRig('unix')
  assert.deepEqual(new Set(modes), new Set([0o700]))
  assert.equal(modes.length, 2, 'the mask is as it was')
})
