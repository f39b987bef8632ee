import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { signRequest } from '../../client/sign.ts'
import type { Credential } from '../../model/credential.ts'
import { Gateway, type RunningAgent } from '../agent/gateway.ts'
import { REQUESTS } from './corpus.ts'
import { effort } from './effort.ts'
import { edited, edits } from './mutation.ts'

// Bytes against the listeners of an agent that runs: malformed, cut off, sent in pieces. Some of them are signed, by
// somebody who may look and may not move anything: so that nothing that comes in may move the plant, whole or in pieces.

const COMMAND = '/v1/actuators/inlet-valve/commands'
const HEALTH = Buffer.from('GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n')
/** The inlet closed and the cooling on, in the example's plant. */
const SAFE: readonly string[] = ['coil 0 = 0', 'coil 1 = 1']
const SILENT = 150
/** What a garbage collector may leave lying about. After 50,000 connections it was 90 MiB, and no more after 10,000 others. */
const GROWTH_MAX_MIB = 128
/** Longer than the agent waits for anything on a connection, in milliseconds. */
const PATIENCE = 20_000

let gateway: Gateway
let agent: RunningAgent
let viewer: Credential
const writes: string[] = []

before(async () => {
  gateway = await Gateway.start({
    unattributed: 'alarm',
    settings: [[['listeners', 0, 'rate'], { requests: 1_000_000, per: '1s' }]],
  })
  gateway.plant.onWrite(({ table, address, value }) => writes.push(`${table} ${address} = ${value}`))
  agent = await gateway.startAgent()
  viewer = (await gateway.issue('viv', 'viewer', '--lifetime', '8h')).credential
})

after(async () => {
  await gateway[Symbol.asyncDispose]()
})

/** What is sent: which bytes, in how many pieces, and how the sender ends. */
const sending = fc.record({
  seed: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...REQUESTS) },
    { weight: 2, arbitrary: fc.constantFrom('signed read' as const, 'signed command' as const) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
  ),
  by: edits(REQUESTS),
  pieces: fc.integer({ min: 1, max: 4 }),
  ends: fc.constantFrom('at once' as const, 'after a while' as const),
})

function connectOver(over: 'tcp' | 'unix', localAddress?: string): Socket {
  const { hostname, port } = new URL(agent.address)
  return over === 'unix'
    ? connect(gateway.operatorSocket.slice('unix:'.length))
    : connect({ host: hostname, port: Number(port), ...(localAddress ? { localAddress } : {}) })
}

/**
 * Sends bytes and resolves with all that came back until the agent closed the connection. Who ends their own side at once gets
 * answers that are ready at once, and no others; a while is until somebody else was answered.
 */
async function exchange(
  bytes: Buffer,
  socket: Socket,
  ends: 'at once' | 'after a while' | 'never' = 'at once',
  pieces = 1,
): Promise<string> {
  const chunks: Buffer[] = []
  // A connection that is reset under the hands of who still sends is closed, too.
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>()
  socket.once('close', () => resolve())
  socket.setTimeout(PATIENCE, () => reject(new Error('the agent neither answers nor closes')))
  const length = Math.ceil(bytes.length / pieces)
  for (let at = 0; at < bytes.length; at += length) socket.write(bytes.subarray(at, at + length))
  if (ends === 'after a while') await exchange(HEALTH, connectOver('unix'))
  if (ends !== 'never') socket.end()
  await closed
  return Buffer.concat(chunks).toString('latin1')
}

/** A request that is signed as it should be, of now. */
function signed(what: 'signed read' | 'signed command'): string {
  const { host } = new URL(agent.address)
  const [method, path, body] =
    what === 'signed read' ? ['GET', '/v1/actuators', ''] : ['POST', COMMAND, '{"setpoint":"open"}']
  const fields = signRequest({ method, authority: host, path, body: Buffer.from(body) }, viewer, {
    created: Math.floor(Date.now() / 1000),
    nonce: randomBytes(16),
  })
  const lines = Object.entries({ Host: host, 'Content-Length': body.length, Connection: 'close', ...fields })
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

async function residentMib(): Promise<number> {
  const status = await readFile(`/proc/${agent.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]) / 1024
}

function assertAnswer(answer: string): void {
  if (answer === '') return
  assert.match(answer, /^HTTP\/1\.1 [1-5][0-9]{2} /)
  assert.doesNotMatch(answer, /internal-error|HTTP\/1\.1 500|node:internal|\bat .*[.]ts:[0-9]+/)
  assert.ok(!answer.includes(viewer.secret.slice(0, 16)))
}

/** Sends over one listener what is known to be odd, then what comes of changing it. The agent goes on as it was. */
async function throwAt(over: 'tcp' | 'unix'): Promise<void> {
  // Once over what is known, so that what the agent needs for a first time it has when its memory is looked at.
  for (const text of REQUESTS) assertAnswer(await exchange(Buffer.from(text, 'latin1'), connectOver(over)))
  const before = await residentMib()
  await fc.assert(
    fc.asyncProperty(sending, async ({ seed, by, pieces, ends }) => {
      const text = seed === 'signed read' || seed === 'signed command' ? signed(seed) : seed
      const bytes = Buffer.from(edited(text, by), 'latin1')
      assertAnswer(await exchange(bytes, connectOver(over), ends, pieces))
    }),
    effort(0.2),
  )
  const grown = (await residentMib()) - before
  assert.ok(grown < GROWTH_MAX_MIB, `the agent grew by ${grown.toFixed(1)} MiB`)
  const ready = await fetch(`${agent.address}/readyz`)
  assert.deepEqual(await ready.json(), { ready: true, troubles: [] })
  assert.deepEqual(
    agent.log.filter(({ err, level }) => err !== undefined || Number(level) >= 60),
    [],
    'nothing of it is a mistake of the agent',
  )
}

test('requests as these are, are answered when nothing is done to them', async () => {
  const read = await exchange(Buffer.from(signed('signed read')), connectOver('tcp'), 'never')
  assert.match(read, /^HTTP\/1\.1 200 /)
  const command = await exchange(Buffer.from(signed('signed command')), connectOver('tcp'), 'never')
  assert.match(command, /role-denied/)
})

test('a path is what it says, and no pattern or property of ours', async () => {
  for (const path of [
    '/v1/actuators/{id}',
    '/actuator',
    '/__proto__',
    '/v1/actuators/',
    '/v1/actuators/a/b',
  ]) {
    const head = `GET ${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`
    assert.match(await exchange(Buffer.from(head), connectOver('tcp'), 'never'), /"code":"not-found"/, path)
  }
})

test('whatever bytes come in, the agent answers in its form or closes, goes on, and moves nothing', async () => {
  await throwAt('tcp')
  assert.deepEqual(writes, [])
})

test('over a unix socket, where forgeries count, they move nothing but to the safe state', async () => {
  await throwAt('unix')
  assert.deepEqual(
    writes.filter(write => !SAFE.includes(write)),
    [],
  )
})

test('connections that say nothing keep nobody else out', async () => {
  const silent = Array.from({ length: SILENT }, () => connectOver('tcp', '127.0.0.2'))
  for (const socket of silent) socket.on('error', () => {})
  await Promise.all(silent.map(socket => once(socket, 'connect')))
  assert.match(await exchange(HEALTH, connectOver('tcp', '127.0.0.3'), 'never'), /^HTTP\/1\.1 200 /)
  assert.match(await exchange(HEALTH, connectOver('unix'), 'never'), /^HTTP\/1\.1 200 /)
  for (const socket of silent) socket.destroy()
})

test('the log of all that verifies', async () => {
  assert.equal(await agent.kill('SIGTERM'), 0)
  const verified = await gateway.holdfast('audit', 'verify', gateway.auditLog, '--json')
  assert.equal(verified.exitCode, 0, verified.stdout)
})
