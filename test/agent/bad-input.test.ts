import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { narrow } from '../../client/narrow.ts'
import { signRequest } from '../../client/sign.ts'
import type { Credential } from '../../model/credential.ts'
import type { Problem } from '../../model/refusal.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

// One agent process, and everything that a careless or hostile client can throw at it. Nothing may move the plant.

let gateway: Gateway
let agent: RunningAgent
let alice: Credential
const writes: unknown[] = []

before(async () => {
  gateway = await Gateway.start({ unattributed: 'alarm' })
  gateway.plant.onWrite(event => writes.push(event))
  agent = await gateway.startAgent()
  alice = (await gateway.issue('alice', 'operator', '--actuator', 'inlet-valve', 'ghost')).credential
})

after(async () => {
  await gateway[Symbol.asyncDispose]()
})

const OPEN = '{"setpoint":"open"}'
const PATH = '/v1/actuators/inlet-valve/commands'

interface Raw {
  readonly method?: string
  readonly path?: string
  readonly body?: string
  readonly headers?: Record<string, string | readonly string[]>
  /** More bytes than are sent; then the connection is half closed. */
  readonly contentLength?: number
}

/** Sends bytes as they are and returns the answer, however bad the request was. */
async function raw({
  method = 'POST',
  path = PATH,
  body = OPEN,
  headers = {},
  contentLength,
}: Raw): Promise<{ status: number; text: string }> {
  const { hostname, port, host } = new URL(agent.address)
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map(one => `${name}: ${one}`),
  )
  const length = contentLength ?? Buffer.byteLength(body)
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Content-Length: ${length}`,
    'Connection: close',
    ...lines,
  ]
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const chunks: Buffer[] = []
  const socket = connect(Number(port), hostname, () => {
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    if (contentLength === undefined) socket.write(body)
    else socket.end(body)
  })
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', error => (chunks.length > 0 ? socket.emit('close') : reject(error)))
  socket.on('close', () => {
    const [first = '', ...rest] = Buffer.concat(chunks).toString().split('\r\n\r\n')
    resolve({ status: Number(first.split(' ')[1]), text: rest.join('\r\n\r\n') })
  })
  return await promise
}

function signed(
  credential: Credential,
  of: { path?: string; body?: string; created?: number } = {},
): Record<string, string> {
  const { host } = new URL(agent.address)
  return signRequest(
    { method: 'POST', authority: host, path: of.path ?? PATH, body: Buffer.from(of.body ?? OPEN) },
    credential,
    { created: of.created ?? Math.floor(Date.now() / 1000), nonce: randomBytes(16) },
  )
}

const seconds = () => Math.floor(Date.now() / 1000)
const GHOST = '/v1/actuators/ghost/commands'
const CLOSED_TWICE = '{"setpoint":"closed","setpoint":"open"}'

/** Each with its own refusal: what is sent, and the status, code and start of the title that come back. */
const CASES: readonly (readonly [
  what: string,
  send: () => Raw,
  status: number,
  code: string,
  title: RegExp,
])[] = [
  [
    'a truncated body',
    () => ({ headers: signed(alice), contentLength: 500 }),
    400,
    'body-truncated',
    /Body Truncated/,
  ],
  [
    'a body of 10 MB',
    () => ({ headers: signed(alice), body: 'x'.repeat(10_000_000) }),
    413,
    'body-too-large',
    /Content Too Large/,
  ],
  [
    'an unknown actuator',
    () => ({ path: GHOST, headers: signed(alice, { path: GHOST }) }),
    404,
    'actuator-unknown',
    /Unknown Actuator/,
  ],
  [
    'an unknown setpoint',
    () => ({ body: '{"setpoint":"ajar"}', headers: signed(alice, { body: '{"setpoint":"ajar"}' }) }),
    400,
    'setpoint-unknown',
    /Unknown Setpoint/,
  ],
  [
    'an expired credential',
    () => ({ headers: signed(narrow(alice, [{ kind: 'not-after', seconds: seconds() - 1 }])) }),
    401,
    'key-expired',
    /^401 Unauthorized - Key Expired$/,
  ],
  [
    'a credential not yet valid',
    () => ({ headers: signed(narrow(alice, [{ kind: 'not-before', seconds: seconds() + 60 }])) }),
    401,
    'key-not-yet-valid',
    /Key Not Yet Valid/,
  ],
  [
    'a forged signature',
    () => ({ headers: signed({ ...alice, secret: randomBytes(32).toString('base64url') }) }),
    403,
    'signature-invalid',
    /^403 Forbidden - Invalid Signature$/,
  ],
  [
    'a credential of another gateway',
    () => ({ headers: signed({ ...alice, keyid: alice.keyid.replace('waterworks-1', 'waterworks-2') }) }),
    403,
    'wrong-gateway',
    /Wrong Gateway/,
  ],
  [
    'a signature for another path',
    () => ({ headers: signed(alice, { path: '/v1/actuators/coolant-pump/commands' }) }),
    403,
    'signature-invalid',
    /Invalid Signature/,
  ],
  [
    'a second signature',
    () => ({
      headers: {
        ...signed(alice),
        Signature: [signed(alice).Signature ?? '', signed(alice).Signature ?? ''],
      },
    }),
    400,
    'signature-ambiguous',
    /Several Signatures/,
  ],
  [
    'a key twice in the JSON',
    () => ({ body: CLOSED_TWICE, headers: signed(alice, { body: CLOSED_TWICE }) }),
    400,
    'body-ambiguous',
    /Repeated Key/,
  ],
  [
    'no digest',
    () => ({ headers: { ...signed(alice), 'Content-Digest': [] } }),
    400,
    'digest-missing',
    /Content Digest Missing/,
  ],
  [
    'a digest that does not match',
    () => ({ body: '{"setpoint":"OPEN"}', headers: signed(alice) }),
    403,
    'digest-mismatch',
    /Content Digest Mismatch/,
  ],
  [
    'a clock 301 s slow',
    () => ({ headers: signed(alice, { created: seconds() - 302 }) }),
    401,
    'clock-skewed',
    /Clock Skew/,
  ],
  [
    'a clock 301 s fast',
    () => ({ headers: signed(alice, { created: seconds() + 302 }) }),
    401,
    'clock-skewed',
    /Clock Skew/,
  ],
  ['no signature', () => ({}), 401, 'signature-missing', /Signature Missing/],
  [
    'an unknown caveat',
    () => ({ headers: signed({ ...alice, keyid: `${alice.keyid};moon=full` }) }),
    403,
    'signature-invalid',
    /Invalid Signature/,
  ],
  [
    'a path that is not there',
    () => ({ path: '/v1/actuators/../credentials' }),
    404,
    'not-found',
    /Not Found/,
  ],
  [
    'a method that is not there',
    () => ({ method: 'DELETE' }),
    405,
    'method-not-allowed',
    /Method Not Allowed/,
  ],
  [
    'CONNECT, which no route is asked for',
    () => ({ method: 'CONNECT', path: 'a:1', body: '' }),
    405,
    'method-not-allowed',
    /Method Not Allowed/,
  ],
  [
    'two Host fields',
    () => ({ headers: { ...signed(alice), Host: 'elsewhere' } }),
    400,
    'request-malformed',
    /Malformed Request/,
  ],
  [
    'a header of 20 kB',
    () => ({ headers: { 'X-Long': 'x'.repeat(20_000) } }),
    400,
    'request-malformed',
    /Malformed Request/,
  ],
]

for (const [what, send, status, code, title] of CASES) {
  test(`${what}: ${status} ${code}, as a problem document, without a stack, in the log; nothing moves`, async () => {
    const answer = await raw(send())
    assert.equal(answer.status, status, answer.text)
    const problem = JSON.parse(answer.text) as Problem
    assert.equal(problem.code, code)
    assert.equal(problem.status, status)
    assert.match(problem.title, title)
    assert.equal(problem.type, `urn:holdfast:problem:${code}`)
    assert.doesNotMatch(answer.text, /\bat .*[.](?:ts|js):[0-9]+|node:internal/)
    assert.ok(!answer.text.includes(alice.secret))
    assert.deepEqual(writes, [])
  })
}

test('what is not HTTP at all is answered and survived', async () => {
  const { hostname, port } = new URL(agent.address)
  const socket = connect(Number(port), hostname, () =>
    socket.end('\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n'),
  )
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise(resolve => socket.once('close', resolve))
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 .*request-malformed/s)
})

test('whoever sends CONNECT and breaks off, over whatever listener, does not end the agent', async () => {
  const { hostname, port } = new URL(agent.address)
  const places = [
    { host: hostname, port: Number(port) },
    ...[gateway.operatorSocket, gateway.adminSocket].map(at => ({ path: at.replace('unix:', '') })),
  ]
  for (const place of places) {
    for (let count = 0; count < 20; count += 1) {
      const socket = connect(place)
      socket.on('error', () => {})
      const isGone = new Promise(resolve => socket.once('close', resolve))
      const breakOff = () => ('port' in place ? socket.resetAndDestroy() : socket.destroy())
      socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nmore', breakOff)
      await isGone
    }
  }
  assert.equal((await raw({ method: 'GET', path: '/healthz', body: '' })).status, 200)
})

test('a replayed command is refused, and the one that it repeats had moved the plant once', async () => {
  const headers = signed(alice)
  const first = await raw({ headers })
  assert.equal(first.status, 200, first.text)
  const before = writes.length
  const second = await raw({ headers })
  assert.equal(second.status, 409)
  assert.equal((JSON.parse(second.text) as Problem).code, 'replayed')
  assert.equal(writes.length, before)
})

test('a request over its rate is answered 429 with Retry-After, in whole seconds', async () => {
  const { credential } = await gateway.issue('riva', 'viewer', '--rate', '1/60')
  const ask = () => {
    const request = { method: 'GET', authority: new URL(agent.address).host, path: '/v1/status' }
    const freshness = { created: Math.floor(Date.now() / 1000), nonce: randomBytes(16) }
    return fetch(`${agent.address}/v1/status`, { headers: signRequest(request, credential, freshness) })
  }
  assert.equal((await ask()).status, 200)
  const tooMany = await ask()
  assert.equal(tooMany.status, 429)
  assert.match(tooMany.headers.get('retry-after') ?? '', /^(?:[1-9]|[1-5][0-9]|60)$/)
})

test('a secret is not handed out over a network in the clear', async () => {
  const { credential } = await gateway.issue('root', 'admin')
  const order = { subject: 'eve', role: 'operator', lifetime: '5m' }
  const overTcp = await gateway.client(agent.address, credential).issue(order)
  assert.equal(overTcp.kind === 'problem' && overTcp.problem.code, 'channel-denied')
  const overSocket = await gateway.client(gateway.operatorSocket, credential).issue(order)
  assert.equal(overSocket.kind === 'answered' && overSocket.status, 201)
  const byOperator = await gateway.client(gateway.operatorSocket, alice).issue(order)
  assert.equal(byOperator.kind === 'problem' && byOperator.problem.code, 'role-denied')
  const unsigned = await gateway.client(gateway.operatorSocket).issue(order)
  assert.equal(unsigned.kind === 'problem' && unsigned.problem.code, 'signature-missing')
})

test('every refusal is in the audit log, no secret is, and the log verifies', async () => {
  assert.equal(await agent.kill('SIGTERM'), 0)
  const records = gateway.records()
  const refused = new Set(records.filter(({ kind }) => kind === 'refusal').map(({ code }) => code))
  for (const [what, , , code] of CASES) assert.ok(refused.has(code), `${what}: ${code} is in the log`)
  assert.ok(refused.has('replayed'))
  const everything = JSON.stringify(records) + JSON.stringify(agent.log)
  const secret = Buffer.from(alice.secret, 'base64url')
  for (const encoding of ['base64', 'base64url', 'hex'] as const)
    assert.ok(!everything.includes(secret.toString(encoding)))
  const verified = await gateway.holdfast('audit', 'verify', gateway.auditLog, '--json')
  assert.equal(verified.exitCode, 0, verified.stdout)
})
