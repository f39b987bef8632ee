import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ROOT } from '../agent/gateway.ts'
import { type Project, projectWithSimulator } from './npm/project.ts'

// The simulator as other projects have it: packed, installed with npm, and run by the Node that the host has.

const OWN_TEST = join(import.meta.dirname, 'npm/plant.test.js')
const TSC = join(ROOT, 'node_modules/.bin/tsc')
const PASSED = /^# pass 1\n# fail 0$/m

let project: Project & AsyncDisposable

before(async () => {
  project = await projectWithSimulator()
})

after(() => project[Symbol.asyncDispose]())

const installed = (...path: string[]) => project.at('node_modules/@holdfast/simulator', ...path)
const manifest = () =>
  JSON.parse(readFileSync(installed('package.json'), 'utf8')) as Record<string, Record<string, string>>
const tsc = (...args: string[]) =>
  project.run(TSC, '--strict', '--types', 'node', '--target', 'es2022', ...args)

test('the package holds JavaScript, its types and its licence: no sources, and nothing of the agent', () => {
  const files = globSync('**/*.*', { cwd: installed() })
  const odd = files.filter(file => !/^(?:simulator|model)\/.*(?:\.js|\.d\.ts)$/.test(file))
  assert.deepEqual(odd.sort(), ['README.md', 'package.json'])
  assert.ok(globSync('LICENSE', { cwd: installed() }).length === 1)
  assert.deepEqual(globSync('model/*.js', { cwd: installed() }).sort(), [
    'model/repetition.js',
    'model/time.js',
  ])
})

test('it brings two packages into a project, and neither a Node nor anything that was compiled', () => {
  const own = ['@holdfast/simulator', '@types/node']
  const all = globSync(['node_modules/*', 'node_modules/@*/*'], { cwd: project.path })
    .map(path => path.slice('node_modules/'.length))
    .filter(name => !/^@[^/]*$/.test(name) && !own.includes(name))
  assert.deepEqual(all.sort(), ['yaml', 'zod'])
  assert.deepEqual(Object.keys(manifest().dependencies ?? {}), ['yaml', 'zod'])
  assert.deepEqual(globSync('node_modules/**/*.node', { cwd: project.path }), [])
  assert.deepEqual(globSync('node_modules/.bin/node', { cwd: project.path }), [])
})

test('a test in TypeScript runs on the host’s Node and on ours, once its `await using` is compiled', async () => {
  await copyFile(OWN_TEST, project.at('plant.test.ts'))
  await tsc(
    '--lib',
    'es2022,esnext.disposable',
    '--module',
    'nodenext',
    '--outDir',
    'compiled',
    'plant.test.ts',
  )
  for (const node of ['node', process.execPath])
    assert.match(await project.run(node, '--test', '--test-reporter=tap', 'compiled/plant.test.js'), PASSED)
})

test('a test in JavaScript runs on our Node as it stands', async () => {
  await copyFile(OWN_TEST, project.at('plant.test.js'))
  assert.match(await project.run(process.execPath, '--test', '--test-reporter=tap', 'plant.test.js'), PASSED)
})

test('the test in its README runs', async () => {
  const [, text = ''] = /^```js\n(.*?)^```$/ms.exec(await readFile(installed('README.md'), 'utf8')) ?? []
  await writeFile(project.at('readme.test.js'), text)
  assert.match(await project.run(process.execPath, '--test', '--test-reporter=tap', 'readme.test.js'), PASSED)
})

test('its types are sound, whatever way of finding modules a project has chosen, and are not `any`', async () => {
  const text = await readFile(OWN_TEST, 'utf8')
  await writeFile(project.at('sound.ts'), text)
  const wrong =
    "  // @ts-expect-error\n  await plant.faults.set({ kind: 'feedback-lies', signal: 1, value: 1 })\n"
  await writeFile(project.at('wrong.ts'), text.replace(/^.*plant\.faults\.set.*\n/m, wrong))
  for (const [module, resolution] of [
    // `nodenext` is what the test above is compiled with.
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ] as const) {
    const settings = ['--noEmit', '--module', module, '--moduleResolution', resolution]
    assert.equal(await tsc(...settings, '--exactOptionalPropertyTypes', 'sound.ts', 'wrong.ts'), '')
  }
})

test('a plant with OPC UA says what to install for it, which is what the package asks npm for', async () => {
  const started = `
    import { startPlant, VirtualClock } from '@holdfast/simulator'
    const started = startPlant({ file: process.argv[1] }, { clock: new VirtualClock(), port: 0 })
    console.log(await started.then(() => 'started', error => error.message))`
  const plant = join(ROOT, 'examples/pumping-station/plant.yaml')
  const said = await project.run('node', '--input-type=module', '--eval', started, plant)
  const [, line = ''] =
    /^the plant has an opcua section, .* not installed: npm install --save-dev (.*)$/.exec(said) ?? []
  const asked = Object.entries(manifest().peerDependencies ?? {}).map(
    ([name, version]) => `${name}@${version}`,
  )
  assert.deepEqual(line.split(' '), asked)
  assert.ok(asked.length > 0)
})
