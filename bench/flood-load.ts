import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { parseArgs } from 'node:util'
import { signRequest } from '../client/sign.ts'

// A process of its own that sends forged commands, each over a new connection from another address of 127.0.0.0/8: so that
// nothing else is in what is measured. Prints one line when the first was answered, and one when it is told to end.

const { values } = parseArgs({
  options: {
    /** Where the agent listens: `127.0.0.1:8440`. */
    agent: { type: 'string', default: '' },
    /** Of a credential that there is, so that every forgery is worth checking. */
    keyid: { type: 'string', default: '' },
    /** The actuator that they aim at. */
    actuator: { type: 'string', default: '' },
    setpoint: { type: 'string', default: '' },
    /** How many are under way at once. */
    lanes: { type: 'string', default: '16' },
  },
})
const { agent, keyid, actuator } = values
const setpoint = /^[0-9]+$/.test(values.setpoint) ? Number(values.setpoint) : values.setpoint
const [host = '', port] = agent.split(':')
const forged = { keyid, secret: randomBytes(32).toString('base64url') }
const path = `/v1/actuators/${actuator}/commands`
const body = Buffer.from(JSON.stringify({ setpoint }))

/** Answers by their status; 0 for none. */
const answers: Record<number, number> = {}
let sent = 0
let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})

/** The n-th source: 127.0.0.1 and its neighbours are left to honest people. */
function sourceAt(index: number): string {
  const rest = index % 16_000_000
  return `127.${1 + ((rest >> 16) % 254)}.${(rest >> 8) & 255}.${1 + (rest % 254)}`
}

/** Sends one; resolves with the status of its answer, 0 where none came. */
function forge(source: string): Promise<number> {
  const freshness = { created: Math.floor(Date.now() / 1000), nonce: randomBytes(16) }
  const headers = signRequest({ method: 'POST', authority: agent, path, body }, forged, freshness)
  const { promise, resolve } = Promise.withResolvers<number>()
  const outgoing = request(
    {
      host,
      port,
      localAddress: source,
      agent: false,
      method: 'POST',
      path,
      headers: { Host: agent, 'Content-Length': body.length, ...headers },
    },
    incoming => {
      incoming.resume().on('end', () => resolve(incoming.statusCode ?? 0))
      incoming.on('error', () => resolve(0))
    },
  )
  outgoing.on('error', () => resolve(0))
  outgoing.end(body)
  return promise
}

async function lane(): Promise<void> {
  while (!isOver) {
    sent += 1
    const status = await forge(sourceAt(sent))
    if (Object.keys(answers).length === 0) process.stdout.write('{"flooding":true}\n')
    answers[status] = (answers[status] ?? 0) + 1
  }
}

await Promise.all(Array.from({ length: Number(values.lanes) }, lane))
process.stdout.write(`${JSON.stringify({ sent, answers })}\n`)
