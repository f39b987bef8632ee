import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import type { Credential } from '../../model/credential.ts'
import { Gateway, ROOT, type RunningAgent } from '../agent/gateway.ts'

// Signers that share no code with ours, against a real agent: one in Python's standard library, written by somebody who
// had docs/CREDENTIAL_FORMAT.md and nothing else, and the recipe for openssl and curl that stands on that page.

const SIGN = join(ROOT, 'test', 'signers', 'sign.py')
const PAGE = readFileSync(join(ROOT, 'docs', 'CREDENTIAL_FORMAT.md'), 'utf8')

let gateway: Gateway
let agent: RunningAgent
let alice: { file: string; credential: Credential }

before(async () => {
  gateway = await Gateway.start({ unattributed: 'alarm' })
  agent = await gateway.startAgent()
  alice = await gateway.issue('alice', 'operator', '--actuator', 'inlet-valve')
})

after(async () => {
  await gateway[Symbol.asyncDispose]()
})

async function python(...words: string[]): Promise<{ status: number; body: Record<string, unknown> }> {
  const { stdout } = await execa('python3', [SIGN, ...words])
  return JSON.parse(stdout) as { status: number; body: Record<string, unknown> }
}

test('a signer in Python, written from the page alone, commands a valve over TCP and over a unix socket', async () => {
  const path = '/v1/actuators/inlet-valve/commands'
  const opened = await python(
    'send',
    '--agent',
    agent.address,
    '--credential',
    alice.file,
    'POST',
    path,
    '{"setpoint":"open"}',
  )
  assert.equal(opened.status, 200)
  assert.equal(opened.body.outcome, 'verified')
  assert.ok(gateway.plant.truth('inlet-valve.position') > 0.98)
  const closed = await python(
    'send',
    '--agent',
    gateway.operatorSocket,
    '--credential',
    alice.file,
    'POST',
    path,
    '{"setpoint":"closed"}',
  )
  assert.equal(closed.body.outcome, 'verified')
  const read = await python(
    'send',
    '--agent',
    agent.address,
    '--credential',
    alice.file,
    'GET',
    '/v1/actuators',
  )
  assert.equal(read.status, 200)
})

test('a credential narrowed in Python does what is left of it and no more', async () => {
  const { stdout } = await execa('python3', [
    SIGN,
    'narrow',
    '--credential',
    alice.file,
    'act=inlet-valve:closed',
  ])
  const file = join(gateway.folder, 'narrowed.credential')
  await writeFile(file, stdout, { mode: 0o600 })
  const path = '/v1/actuators/inlet-valve/commands'
  const closed = await python(
    'send',
    '--agent',
    agent.address,
    '--credential',
    file,
    'POST',
    path,
    '{"setpoint":"closed"}',
  )
  assert.equal(closed.body.outcome, 'verified')
  const open = await python(
    'send',
    '--agent',
    agent.address,
    '--credential',
    file,
    'POST',
    path,
    '{"setpoint":"open"}',
  )
  assert.equal(open.body.code, 'scope-denied')
})

test('the recipe for openssl and curl on the page works as it stands there', async () => {
  const recipe = PAGE.match(/```sh\n(.*?)```/s)?.[1] ?? ''
  assert.match(recipe, /openssl dgst/)
  const env = {
    keyid: alice.credential.keyid,
    secret: alice.credential.secret,
    authority: new URL(agent.address).host,
    path: '/v1/actuators/inlet-valve/commands',
  }
  const { stdout } = await execa('sh', ['-eu', '-c', recipe], { env })
  assert.equal((JSON.parse(stdout) as { outcome: string }).outcome, 'verified')
})
