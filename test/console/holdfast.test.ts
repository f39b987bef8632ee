import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import type { Credential } from '../../model/credential.ts'
import { Gateway, HOLDFAST, type RunningAgent } from '../agent/gateway.ts'
import { isPlain } from '../hostile-text.ts'

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

const run = async (...words: string[]) => {
  const { exitCode, stdout, stderr } = await execa(HOLDFAST, words, {
    reject: false,
    cwd: gateway.folder,
    stdin: 'ignore',
  })
  return { exitCode, stdout, stderr }
}
const asAlice = () => ['--agent', agent.address, '--credential', alice.file]

test('every command has a help that says what it is for', async () => {
  for (const words of [
    [],
    ['init'],
    ['doctor'],
    ['agent'],
    ['enroll'],
    ['check'],
    ['simulate'],
    ['credential'],
    ['credential', 'issue'],
    ['command'],
    ['select'],
    ['lockout', 'set'],
    ['lockout', 'remove'],
    ['status'],
    ['reset'],
    ['trip'],
    ['acknowledge'],
    ['heartbeat'],
    ['listener', 'open'],
    ['suspension', 'lift'],
    ['break-glass', 'open'],
    ['clock', 'accept'],
    ['roles'],
    ['audit'],
    ['audit', 'verify'],
    ['audit', 'query'],
    ['audit', 'tail'],
    ['audit', 'prove'],
    ['audit', 'export'],
    ['audit', 'backup'],
    ['audit', 'prune'],
  ]) {
    const { exitCode, stdout } = await run(...words, '--help')
    assert.equal(exitCode, 0, words.join(' '))
    assert.match(stdout, new RegExp(`Usage: holdfast ?${words.join(' ')}`), words.join(' '))
  }
  assert.match((await run('--help')).stdout, /not a safety instrumented system \(IEC 61511\)/)
  assert.match((await run('--version')).stdout, /^[0-9]+\.[0-9]+\.[0-9]+$/)
})

test('exit code 0: a command that was verified, in words and as JSON', async () => {
  const words = await run('command', 'inlet-valve', 'open', ...asAlice(), '--reason', 'morning filling')
  assert.equal(words.exitCode, 0, words.stderr)
  assert.match(words.stdout, /^inlet-valve: open, verified by its feedback in [0-9.]+ ms$/)
  const json = await run('command', 'inlet-valve', 'closed', ...asAlice(), '--json')
  assert.equal(json.exitCode, 0)
  assert.equal((JSON.parse(json.stdout) as { outcome: string }).outcome, 'verified')
})

test('whatever was typed, what is said of it is one line that steers no terminal; a word that was meant comes on the next', async () => {
  const hostile = 'x\u001b[2J\nconfig       /etc/holdfast/holdfast.yaml: written\u202e'
  for (const words of [
    [hostile],
    [`--${hostile}`],
    ['init', '--key', hostile],
    ['audit', hostile],
    ['audit', 'query', `--${hostile}`],
    ['simulate', '--port', hostile],
    ['command', 'a', 'b', hostile],
    ['init', '--yes', '--config', 'h.yaml', '--environment', hostile],
  ]) {
    const { exitCode, stdout, stderr } = await run(...words)
    assert.equal(exitCode, 2, stderr)
    assert.ok(isPlain(stdout + stderr), JSON.stringify(stderr))
    assert.doesNotMatch(stderr, /^config/m)
  }
  assert.match(
    (await run('audit', 'qery')).stderr,
    /^error: unknown command 'qery'\n\(Did you mean query\?\)\n/,
  )
})

test('exit code 2: wrong usage, with what was expected', async () => {
  for (const [words, said] of [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['command', 'inlet-valve'], /missing required argument 'setpoint'/],
    [
      ['command', 'inlet-valve', 'open', '--agent', agent.address],
      /--credential FILE, or HOLDFAST_CREDENTIAL/,
    ],
    [
      ['command', 'inlet-valve', 'open', '--agent', 'ftp://x', '--credential', alice.file],
      /expected http:\/\/host:port, https:\/\/host:port or unix:/,
    ],
    [
      ['command', 'inlet-valve', 'open', '--agent', agent.address, '--credential', '/nowhere'],
      /cannot read the credential file \/nowhere/,
    ],
    [
      ['command', 'inlet-valve', 'open', '--agent', agent.address, '--credential', gateway.config],
      /not a credential file/,
    ],
    [['check', '/nowhere.yaml'], /\/nowhere\.yaml:1:1: cannot be read/],
    [['simulate', '/nowhere.yaml'], /nowhere\.yaml/],
    [['audit', 'verify', '/nowhere.db'], /nowhere\.db/],
    [
      [
        'credential',
        'issue',
        '--agent',
        gateway.adminSocket,
        '--subject',
        'x',
        '--role',
        'operator',
        '--out',
        alice.file,
      ],
      /EEXIST/,
    ],
    [['enroll', '--config', gateway.config], /another holdfast process uses/],
  ] as const) {
    const { exitCode, stderr, stdout } = await run(...words)
    assert.equal(exitCode, 2, `${words.join(' ')}: ${stdout} ${stderr}`)
    assert.match(stderr + stdout, said)
    assert.doesNotMatch(stderr, /\n\s+at /)
  }
})

test('exit code 3: refused, with the reason and what to do', async () => {
  const { exitCode, stderr } = await run('command', 'coolant-pump', 'off', ...asAlice())
  assert.equal(exitCode, 3)
  assert.match(stderr, /^403 Forbidden - Scope\nthe credential does not reach coolant-pump\nNext: /)
  const reset = await run('reset', 'inlet-valve', ...asAlice(), '--json')
  assert.equal(reset.exitCode, 3)
  assert.equal((JSON.parse(reset.stdout) as { code: string }).code, 'role-denied')
  const wrong = await run(
    'credential',
    'issue',
    '--agent',
    gateway.adminSocket,
    '--subject',
    'x',
    '--role',
    'wizard',
    '--out',
    '-',
  )
  assert.equal(wrong.exitCode, 3)
  assert.match(wrong.stderr, /there is no role wizard\nNext: there are: viewer, operator, engineer, admin/)
})

test('exit code 4: the plant did not follow, or nobody knows', async () => {
  await gateway.plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
  const stuck = await run('command', 'inlet-valve', 'open', ...asAlice())
  assert.equal(stuck.exitCode, 4)
  assert.match(stuck.stderr, /502 Bad Gateway - Mismatch\nasked for open, found closed/)
  await gateway.plant.faults.clear()
  await gateway.plant.faults.set({ kind: 'silent', effect: 'done' })
  const silent = await run('command', 'inlet-valve', 'open', ...asAlice(), '--json')
  assert.equal(silent.exitCode, 4)
  assert.equal((JSON.parse(silent.stdout) as { code: string }).code, 'unknown')
  await gateway.plant.faults.clear()
})

test('exit code 5: no agent answers', async () => {
  const { exitCode, stderr } = await run('status', '--agent', 'http://127.0.0.1:1')
  assert.equal(exitCode, 5)
  assert.match(stderr, /no agent answers at http:\/\/127\.0\.0\.1:1/)
  assert.equal((await run('status', '--agent', 'unix:/nowhere.sock', '--json')).exitCode, 5)
})

test('a credential file is readable by its owner alone; printing one has to be asked for', async () => {
  assert.equal((await stat(alice.file)).mode & 0o777, 0o600)
  const without = await run(
    'credential',
    'issue',
    '--agent',
    gateway.adminSocket,
    '--subject',
    'bob',
    '--role',
    'viewer',
  )
  assert.equal(without.exitCode, 2)
  const printed = await run(
    'credential',
    'issue',
    '--agent',
    gateway.adminSocket,
    '--subject',
    'bob',
    '--role',
    'viewer',
    '--out',
    '-',
  )
  assert.match(printed.stdout, /"secret"/)
  const about = await run(
    'credential',
    'issue',
    '--agent',
    gateway.adminSocket,
    '--subject',
    'bob',
    '--role',
    'viewer',
    '--out',
    'bob.credential',
    '--json',
  )
  assert.doesNotMatch(about.stdout, /secret/)
})

test('status shows what the devices say now, and a device that does not answer as no feedback', async () => {
  const good = await run('status', '--agent', gateway.operatorSocket)
  assert.match(good.stdout, /inlet-valve +(open|closed) +normal/)
  await gateway.plant.faults.set({ kind: 'dropped-link' })
  const bad = await run('status', '--agent', gateway.operatorSocket, '--json')
  const view = JSON.parse(bad.stdout) as {
    actuators: { position: unknown; quality: string; detail: string }[]
  }
  assert.deepEqual(
    view.actuators.map(({ position, quality }) => [position, quality]),
    [
      [null, 'bad'],
      [null, 'bad'],
    ],
  )
  await gateway.plant.faults.clear()
})

test('the configuration of the example is whole, and one with mistakes is told all of them with their places', async () => {
  const good = await run('check', gateway.config)
  assert.equal(good.exitCode, 0, good.stderr)
  const file = join(gateway.folder, 'bad.yaml')
  await writeFile(
    file,
    'environment: Demo\ngateway: g\nmaster_key: { source: hsm }\nlisteners: []\ndevices: {}\nactuators: {}\n',
  )
  const bad = await run('check', file, '--json')
  assert.equal(bad.exitCode, 2)
  const { problems } = JSON.parse(bad.stdout) as {
    problems: { path: string; line: number; column: number }[]
  }
  assert.deepEqual(
    problems.map(({ path, line, column }) => [path, line, column]),
    [
      ['environment', 1, 14],
      ['master_key.source', 3, 23],
      ['listeners', 4, 1],
    ],
  )
})
