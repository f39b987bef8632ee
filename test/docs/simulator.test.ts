import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { execa } from 'execa'
import { temporaryFolder } from '../temporary-folder.ts'

const ROOT = join(import.meta.dirname, '../..')
const GUIDE = readFileSync(join(ROOT, 'docs/SIMULATOR.md'), 'utf8')

/** The block of code in this language. */
function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(GUIDE)?.[1] ?? ''
}

/** A folder of somebody else, with the guide's test in it and the link that `npm install ../holdfast` makes. */
async function ownProject() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const at = (...path: string[]) => join(folder.path, ...path)
  await mkdir(at('node_modules', '@types'), { recursive: true })
  await symlink(ROOT, at('node_modules', 'holdfast'))
  await symlink(join(ROOT, 'node_modules', '@types', 'node'), at('node_modules', '@types', 'node'))
  await writeFile(at('package.json'), '{ "name": "mine", "private": true, "type": "module" }\n')
  await copyFile(join(ROOT, 'examples/water-treatment/plant.yaml'), at('plant.yaml'))
  const running = stack.move()
  return { at, path: folder.path, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

test('docs/SIMULATOR.md: its test runs as it stands in a project of one’s own', async () => {
  await using project = await ownProject()
  await writeFile(project.at('plant.test.js'), block('js'))
  const { stdout } = await execa(process.execPath, ['--test', '--test-reporter=tap'], {
    cwd: project.path,
    // Without it the tests inside believe that they are run by the one outside.
    env: { NODE_TEST_CONTEXT: undefined },
  })
  assert.match(stdout, /^ok 1 - the inlet valve sticks$/m)
  assert.match(stdout, /^# pass 1$/m)
})

test('docs/SIMULATOR.md: its test is sound TypeScript, with the settings that it names', async () => {
  await using project = await ownProject()
  await writeFile(project.at('plant.test.ts'), block('js'))
  await writeFile(project.at('tsconfig.json'), block('json'))
  // An error that is expected and does not come is one: types that are `any` would take this.
  const wrong = "  // @ts-expect-error\n  await plant.faults.set({ kind: 'stuck', element: 1 })\n"
  await writeFile(project.at('wrong.test.ts'), block('js').replace(/^.*element: 'inlet-valve'.*\n/m, wrong))
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  assert.equal((await execa(tsc, ['-p', '.'], { cwd: project.path })).stdout, '')
})

test('docs/SIMULATOR.md: its recipe for a master’s pipeline says where it listens, takes the fault and stops with 0', async () => {
  await using project = await ownProject()
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
