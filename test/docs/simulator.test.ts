import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { type Project, projectWithSimulator } from '../deploy/npm/project.ts'

const ROOT = join(import.meta.dirname, '../..')
const GUIDE = readFileSync(join(ROOT, 'docs/SIMULATOR.md'), 'utf8')

/** The blocks of code in this language, in order. */
function blocks(language: string): string[] {
  const found = GUIDE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))
  return [...found].map(([, code = '']) => code)
}

const [TEST = '', OLDER_NODE = ''] = blocks('js')
const [SETTINGS = ''] = blocks('json')
const PASSED = /^ok 1 - the inlet valve sticks$.*^# pass 1$/ms

let project: Project & AsyncDisposable

before(async () => {
  project = await projectWithSimulator()
})

after(() => project[Symbol.asyncDispose]())

test('docs/SIMULATOR.md: the file that it tells to install is the one that is made', async () => {
  const [name = ''] = await readdir(project.at('vendor'))
  const commands = GUIDE.match(/^ {4}npm install .*\.tgz$/gm) ?? []
  assert.equal(commands.length, 2)
  for (const command of commands) assert.equal(basename(command), name)
})

test('docs/SIMULATOR.md: what it tells to install for OPC UA is what the package asks npm for', async () => {
  const manifest = await readFile(project.at('node_modules/@holdfast/simulator/package.json'), 'utf8')
  const peers = Object.entries(JSON.parse(manifest).peerDependencies).map(each => each.join('@'))
  assert.ok(GUIDE.includes(`\n    npm install --save-dev ${peers.join(' ')}\n`))
})

test('docs/SIMULATOR.md: its test runs as it stands in a project of one’s own', async () => {
  await writeFile(project.at('plant.test.js'), TEST)
  const said = await project.run(process.execPath, '--test', '--test-reporter=tap', 'plant.test.js')
  assert.match(said, PASSED)
})

test('docs/SIMULATOR.md: its test runs on the host’s Node, begun as it says for an older one', async () => {
  const older = TEST.replace(/^test\(.*?startPlant\(.*?\n/ms, OLDER_NODE)
  await writeFile(project.at('older.test.js'), older)
  assert.match(await project.run('node', '--test', '--test-reporter=tap', 'older.test.js'), PASSED)
})

test('docs/SIMULATOR.md: its test is sound TypeScript, with the settings that it names', async () => {
  await writeFile(project.at('plant.test.ts'), TEST)
  await writeFile(project.at('tsconfig.json'), SETTINGS)
  assert.equal(await project.run(join(ROOT, 'node_modules/.bin/tsc'), '-p', '.'), '')
})

test('docs/SIMULATOR.md: its recipe for a master’s pipeline says where it listens, takes the fault and stops with 0', async () => {
  const [, command = ''] = /^ {4}bin\/holdfast (simulate plant\.yaml .*) >plant\.log &$/m.exec(GUIDE) ?? []
  const plant = spawn(join(ROOT, 'bin/holdfast'), command.split(' '), { cwd: project.path })
  const exited = once(plant, 'exit')
  await using stack = new AsyncDisposableStack()
  stack.defer(async () => {
    plant.kill()
    await exited
  })
  const lines = createInterface({ input: plant.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value ?? 'null')
  const [started, controlled] = [await next(), await next()]
  const promised = [...GUIDE.matchAll(/^ {4}# (\{.*\})$/gm)].map(([, line = '']) => JSON.parse(line))
  assert.deepEqual([started, controlled].map(Object.keys), promised.map(Object.keys))
  assert.deepEqual(Object.keys(started.modbus), Object.keys(promised[0].modbus))
  const [, type = '', body = ''] = /curl -X POST …\/v1\/faults -H '(.*?)' -d '(.*?)'/.exec(GUIDE) ?? []
  const curl = ['-s', '-f', '-X', 'POST', `${controlled.control}v1/faults`, '-H', type, '-d', body]
  assert.deepEqual(JSON.parse((await execa('curl', curl)).stdout), { fault: JSON.parse(body) })
  plant.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})
