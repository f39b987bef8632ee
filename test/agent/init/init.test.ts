import assert from 'node:assert/strict'
import { chmod, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { loadConfig } from '../../../agent/config/load.ts'
import { Terminal } from '../../../agent/init/terminal.ts'
import { type Plant, startPlant } from '../../../simulator/plant.ts'
import { realClock } from '../../../simulator/real-clock.ts'
import { type SoftwareTpm, startTpm } from '../../../simulator/tpm.ts'
import { isPlain } from '../../hostile-text.ts'
import { Person } from '../../person.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { HOLDFAST, ROOT } from '../gateway.ts'

const stack = new AsyncDisposableStack()
let tpm: SoftwareTpm
let plant: Plant

before(async () => {
  const folder = stack.use(await temporaryFolder())
  tpm = stack.use(await startTpm({ dir: join(folder.path, 'tpm') }))
  const file = join(ROOT, 'examples', 'water-treatment', 'plant.yaml')
  plant = stack.use(await startPlant({ file }, { clock: realClock, port: 0 }))
})

after(() => stack.disposeAsync())

async function run(folder: string, ...words: string[]) {
  const { exitCode, stdout, stderr } = await execa(HOLDFAST, words, {
    reject: false,
    cwd: folder,
    stdin: 'ignore',
  })
  return { exitCode, stdout, stderr }
}

const TRIAL = ['init', '--config', 'holdfast.yaml', '--environment', 'north-works', '--gateway', 'gateway-7']
/** What a line editor writes of its own: it goes to a column, and clears what is after it. */
const CURSOR = new RegExp(`${String.fromCharCode(27)}\\[(?:\\d+G|0J)`, 'g')
const HOSTILE = 'x\u001b[2J\nconfig       /etc/holdfast/holdfast.yaml: written\u202e'

test('init: a hostile name of a file neither steers the terminal, nor makes a line in what it says or writes', async () => {
  await using folder = await temporaryFolder()
  const named = [
    'init',
    '--config',
    `${HOSTILE}.yaml`,
    '--environment',
    'north-works',
    '--gateway',
    'gateway-7',
  ]
  const answers = ['--key', 'file', '--escrow', 'none', '--admin', 'kim', '--credential', HOSTILE, '--yes']
  for (const more of [['--dry-run'], []]) {
    const { exitCode, stdout, stderr } = await run(folder.path, ...named, ...answers, ...more)
    assert.equal(exitCode, 0, stderr)
    assert.ok(isPlain(stdout + stderr), JSON.stringify(stdout))
    assert.equal(stdout.match(/^config {7}/gm)?.length, 1)
  }
  assert.doesNotMatch(await readFile(join(folder.path, `${HOSTILE}.yaml`), 'utf8'), /^config/m)
})

test('init at a terminal: nothing that it says or asks steers it', async () => {
  const said: Buffer[] = []
  const stderr = new PassThrough().on('data', (chunk: Buffer) => said.push(chunk))
  {
    using terminal = new Terminal({ stdin: new PassThrough(), stderr, signal: AbortSignal.timeout(60_000) })
    terminal.say(`${HOSTILE}\n`)
    void terminal.ask(`  gateway [${HOSTILE}]: `)
  }
  const text = Buffer.concat(said).toString().replaceAll(CURSOR, '')
  assert.match(text, /gateway \[x/)
  assert.ok(isPlain(text.replaceAll('\r', '')), JSON.stringify(text))
})

const valve = () => [
  ...['--device', `127.0.0.1:${plant.address.port}`, '--command', 'coil:0', '--feedback', 'input_register:0'],
  ...['--closed', '0,0', '--open', '1,1000', '--tolerance', '10', '--travel-time', '3s', '--safe', 'closed'],
]
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

test('at a terminal: asks, shows what the device reads, and leaves a gateway that carries out a command', async () => {
  await using folder = await temporaryFolder()
  const person = new Person(folder.path, [
    HOLDFAST,
    ...['init', '--config', 'holdfast.yaml', '--tcti', tpm.tcti, '--admin', 'kim'],
  ])
  await person.answers(/\nThe plant\..*\n.*environment: $/s, 'North Works')
  await person.answers(/expected lower-case letters.*environment: $/s, 'north-works')
  await person.answers(/ gateway \[.*\]: $/, 'gateway-7')
  await person.answers(/ key \[tpm\]: $/, '')
  await person.answers(/ escrow \[none\]: $/, '2-of-3')
  await person.answers(/ listen \[none\]: $/, '')
  await person.answers(/ device \[later\]: $/, `127.0.0.1:${plant.address.port}`)
  await person.answers(/ unit \[1\]: $/, '')
  await person.answers(/ valve \[inlet-valve\]: $/, '')
  await person.answers(/ command: $/, 'coil:0')
  await person.answers(/ feedback: $/, 'input_register:0')
  await person.answers(/ closed: $/, '0,0')
  await person.answers(/ open: $/, '1,1000')
  await person.answers(/ tolerance \[0\]: $/, '10')
  await person.answers(/ travel-time: $/, '3s')
  await person.answers(/ safe: $/, 'closed')
  await person.reads(/inlet-valve feedback \(plc, .*\): 0, closed/)
  await person.answers(/\[yes\]: $/, '')
  assert.equal(await person.ended(), 0, person.screen)
  assert.match(
    person.screen,
    /holdfast\.yaml is whole: north-works\/gateway-7, 1 device\(s\), 1 actuator\(s\)/,
  )
  assert.match(person.screen, /master key +tpm \(.*\):\s+made/)
  assert.equal(person.screen.match(/^hf-share-1 north-works\/gateway-7 g1 2-of-3 /gm)?.length, 3)
  assert.match(person.screen, /Next:\n.*holdfast doctor .*\n.*holdfast agent .*\n.*holdfast status /)
  assert.equal(await modeOf(join(folder.path, 'kim.credential')), '600')
  assert.equal(await modeOf(join(folder.path, 'state')), '700')

  const agent = execa(HOLDFAST, ['agent', '--config', 'holdfast.yaml'], {
    cwd: folder.path,
    reject: false,
    buffer: false,
    stdin: 'ignore',
  })
  await using _stopped = {
    [Symbol.asyncDispose]: async () => {
      agent.kill('SIGKILL')
      await agent
    },
  }
  await new Promise<void>(ready =>
    createInterface({ input: agent.stdout }).on('line', line => line.includes('"event":"ready"') && ready()),
  )
  const socket = ['--agent', 'unix:run/operator.sock']
  const opened = await run(
    folder.path,
    'command',
    'inlet-valve',
    'open',
    ...socket,
    '--credential',
    'kim.credential',
  )
  assert.equal(opened.exitCode, 0, opened.stderr)
  const issue = ['--agent', 'unix:run/operator.sock', '--credential', 'kim.credential']
  const issued = await run(
    folder.path,
    ...[
      'credential',
      'issue',
      ...issue,
      '--subject',
      'kim-admin',
      '--role',
      'admin',
      '--out',
      'next.credential',
    ],
  )
  assert.equal(issued.exitCode, 0, issued.stderr)
})

test('Ctrl-C at a question leaves everything as it is', async () => {
  await using folder = await temporaryFolder()
  const person = new Person(folder.path, [HOLDFAST, 'init', '--config', 'holdfast.yaml', '--tcti', tpm.tcti])
  await person.answers(/ environment: $/, 'north-works')
  await person.reads(/ gateway \[/)
  person.types('\u0003')
  assert.equal(await person.ended(), 3, person.screen)
  assert.match(person.screen, /Nothing was written\./)
  await assert.rejects(stat(join(folder.path, 'holdfast.yaml')), { code: 'ENOENT' })
  await assert.rejects(stat(join(folder.path, 'state')), { code: 'ENOENT' })
})

test('without a terminal every missing answer is named with its option, and nothing is asked', async () => {
  await using folder = await temporaryFolder()
  const bare = await run(folder.path, 'init', '--config', 'holdfast.yaml')
  assert.equal(bare.exitCode, 2)
  for (const flag of ['--environment', '--gateway', '--key', '--listen', '--device', '--admin'])
    assert.match(bare.stderr, new RegExp(`^${flag} is missing\\. `, 'm'))
  const half = await run(folder.path, ...TRIAL, '--yes', '--key', 'file', '--listen', '127.0.0.1:0')
  assert.equal(half.exitCode, 2)
  assert.match(half.stderr, /^--networks is missing/m)
  assert.match(half.stderr, /^--forgeries is missing/m)
  await assert.rejects(stat(join(folder.path, 'holdfast.yaml')), { code: 'ENOENT' })
})

test('a dry run shows the whole configuration, reads the device, and writes nothing', async () => {
  await using folder = await temporaryFolder()
  const words = [...TRIAL, '--yes', '--admin', 'kim', '--tcti', tpm.tcti, ...valve()]
  const { exitCode, stdout } = await run(folder.path, ...words, '--dry-run', '--json')
  assert.equal(exitCode, 0)
  const told = JSON.parse(stdout) as { config: { state: string; text: string }; device: { reached: boolean } }
  assert.equal(told.config.state, 'would-write')
  assert.equal(told.device.reached, true)
  await assert.rejects(stat(join(folder.path, 'state')), { code: 'ENOENT' })
  const written = await run(folder.path, ...words)
  assert.equal(written.exitCode, 0, written.stderr)
  assert.equal(await readFile(join(folder.path, 'holdfast.yaml'), 'utf8'), told.config.text)
  assert.equal((await loadConfig(join(folder.path, 'holdfast.yaml'))).kind, 'config')
})

test('a device that does not answer is said, and written all the same', async () => {
  await using folder = await temporaryFolder()
  const words = valve()
  words[1] = '127.0.0.1:1'
  const { exitCode, stdout } = await run(
    folder.path,
    ...TRIAL,
    '--yes',
    '--admin',
    'kim',
    '--key',
    'file',
    ...words,
  )
  assert.equal(exitCode, 0)
  assert.match(stdout, /^device +IT DOES NOT ANSWER\n.*inlet-valve command[^)]*\)[^)]*ECONNREFUSED/m)
  const { exitCode: checked } = await run(folder.path, 'check', 'holdfast.yaml')
  assert.equal(checked, 0)
})

test('run again it keeps configuration, key and credential to the byte, and says so', async () => {
  await using folder = await temporaryFolder()
  const words = [...TRIAL, '--yes', '--admin', 'kim', '--key', 'file']
  assert.equal((await run(folder.path, ...words)).exitCode, 0)
  const files = ['holdfast.yaml', 'master.key', 'kim.credential', 'state/audit.vkey']
  const read = () => Promise.all(files.map(file => readFile(join(folder.path, file), 'utf8')))
  const before = await read()
  const again = await run(folder.path, ...words, '--json')
  assert.equal(again.exitCode, 0, again.stderr)
  const told = JSON.parse(again.stdout) as Record<'config' | 'master_key' | 'credential', { state: string }>
  assert.deepEqual(
    [told.config.state, told.master_key.state, told.credential.state],
    ['kept', 'kept', 'kept'],
  )
  assert.deepEqual(await read(), before)
})

test('a configuration that is there and has a mistake is named with line and column, and not touched', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'holdfast.yaml'), 'environment: A\n')
  const { exitCode, stderr } = await run(folder.path, ...TRIAL, '--yes', '--admin', 'kim')
  assert.equal(exitCode, 2)
  assert.match(stderr, /holdfast\.yaml:1:14: environment: /)
  assert.equal(await readFile(join(folder.path, 'holdfast.yaml'), 'utf8'), 'environment: A\n')
})

test('ended anywhere, it goes on from there: no part is made twice, none is missing', async () => {
  await using folder = await temporaryFolder()
  const words = [...TRIAL, '--yes', '--admin', 'kim', '--tcti', tpm.tcti]
  const whole = ['holdfast.yaml', 'state/audit.db', 'state/audit.vkey', 'state/master-key/generation-1.json']
  // Cut after 200, 400, … ms: before the first file, between any two, after the last.
  for (let ms = 200; ms <= 2000; ms += 200) {
    await execa('timeout', ['--signal=KILL', `${ms / 1000}`, HOLDFAST, ...words], {
      cwd: folder.path,
      reject: false,
      stdin: 'ignore',
    })
  }
  const last = await run(folder.path, ...words)
  assert.equal(last.exitCode, 0, last.stderr)
  for (const file of [...whole, 'kim.credential']) await stat(join(folder.path, file))
  await rm(join(folder.path, 'kim.credential'))
  const fresh = await run(folder.path, ...words)
  assert.equal(fresh.exitCode, 0, fresh.stderr)
  const verified = await run(folder.path, 'audit', 'verify', 'state/audit.db', '--json')
  assert.equal((JSON.parse(verified.stdout) as { verified: boolean }).verified, true, verified.stdout)
  const enrolments = await run(
    folder.path,
    'audit',
    'query',
    'state/audit.db',
    '--kind',
    'enrolled',
    '--json',
  )
  assert.equal(enrolments.stdout.trim().split('\n').length, 1)
})

test('a key that a log has used is never made anew', async () => {
  await using folder = await temporaryFolder()
  const words = [...TRIAL, '--yes', '--admin', 'kim', '--key', 'file']
  assert.equal((await run(folder.path, ...words)).exitCode, 0)
  await rm(join(folder.path, 'master.key'))
  await rm(join(folder.path, 'kim.credential'))
  const { exitCode, stdout } = await run(folder.path, ...words)
  assert.equal(exitCode, 6)
  assert.match(stdout, /credential .*NOT ISSUED\n.*master\.key.*/)
  await assert.rejects(stat(join(folder.path, 'master.key')), { code: 'ENOENT' })
})

test('a credential never follows a link that somebody has laid in its way', async () => {
  await using folder = await temporaryFolder()
  await symlink(join(folder.path, 'elsewhere'), join(folder.path, 'kim.credential'))
  const { exitCode, stdout } = await run(folder.path, ...TRIAL, '--yes', '--admin', 'kim', '--key', 'file')
  assert.equal(exitCode, 0)
  assert.match(stdout, /kim\.credential: kept as it was/)
  await assert.rejects(stat(join(folder.path, 'elsewhere')), { code: 'ENOENT' })
})

test('who may not write there is told so before any question, with the way to a trial', async t => {
  if (process.getuid?.() !== 0) return t.diagnostic('becoming another user takes root')
  await using folder = await temporaryFolder()
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--', HOLDFAST]
  const words = ['init', '--config', join(folder.path, 'holdfast.yaml')]
  for (const mode of [0o755, 0o700]) {
    await chmod(folder.path, mode)
    const { exitCode, stderr } = await execa('setpriv', [...nobody, ...words], {
      reject: false,
      stdin: 'ignore',
    })
    assert.equal(exitCode, 6, stderr)
    assert.match(stderr, /Run it as root\. For a trial, in a folder of your own: holdfast init --config/)
  }
})
