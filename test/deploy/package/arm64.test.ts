import assert from 'node:assert/strict'
import { closeSync, globSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { ROOT } from '../../agent/gateway.ts'

// The package for a gateway of the other architecture, made here. npm installs only this machine's Node: the other one is fetched from
// the registry, the first time, and compared with the hash in the lock file. What is in the package is then asked of readelf and dpkg.

let folder: string
let deb: string
let installed: string
/** What machines run of it, by its path in it. */
let programs: readonly string[]

/** By its bytes, whatever it is called: elf(5). */
function beginsLikeElf(path: string): boolean {
  const magic = Buffer.alloc(4)
  const file = openSync(path, 'r')
  readSync(file, magic)
  closeSync(file)
  return magic.toString('latin1') === '\x7fELF'
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-arm64-'))
  const words = ['--arch', 'arm64', '--compression', 'none', '--out', folder]
  await execa(process.execPath, ['deploy/package/main.ts', ...words], {
    cwd: ROOT,
    env: { SOURCE_DATE_EPOCH: '1795000000' },
  })
  deb = join(folder, globSync('*_arm64.deb', { cwd: folder })[0] ?? '')
  installed = join(folder, 'installed')
  await execa('dpkg-deb', ['--extract', deb, installed])
  const { stdout } = await execa('find', ['.', '-type', 'f'], { cwd: installed })
  programs = stdout.split('\n').filter(file => beginsLikeElf(join(installed, file)))
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('it says that it is for arm64, and so does its archive’s installer', async () => {
  const field = async (name: string) => (await execa('dpkg-deb', ['--field', deb, name])).stdout
  assert.equal(await field('Architecture'), 'arm64')
  assert.equal(await field('Package'), 'holdfast')
  const [archive = ''] = globSync('*-linux-arm64.tar', { cwd: folder })
  const words = ['--extract', '--to-stdout', '--wildcards', `--file=${join(folder, archive)}`, '*/install.sh']
  const { stdout } = await execa('tar', words)
  assert.match(stdout, /"Linux aarch64" \]/)
})

test('every ELF file in it is for AArch64: Node, and one for each package with native code', async () => {
  const machines = await Promise.all(
    programs.map(async file => {
      const { stdout } = await execa('readelf', ['--file-header', join(installed, file)])
      return [file, /^ +Machine: +(.*)$/m.exec(stdout)?.[1]] as const
    }),
  )
  assert.deepEqual(machines.map(([file, machine]) => `${machine} ${file}`).sort(), [
    'AArch64 ./usr/lib/holdfast/bin/node',
    'AArch64 ./usr/lib/holdfast/node_modules/@serialport/bindings-cpp/prebuilds/linux-arm64/@serialport+bindings-cpp.armv8.glibc.node',
    'AArch64 ./usr/lib/holdfast/node_modules/better-sqlite3/prebuilds/linux-arm64.node',
  ])
})

test('what it asks of the host is what its programs ask for: their libraries, and no newer C library than it names', async () => {
  const libraries = new Map([
    ['libc.so.6', 'libc6'],
    ['libm.so.6', 'libc6'],
    ['libdl.so.2', 'libc6'],
    ['libpthread.so.0', 'libc6'],
    ['ld-linux-aarch64.so.1', 'libc6'],
    ['libstdc++.so.6', 'libstdc++6'],
    ['libgcc_s.so.1', 'libgcc-s1'],
    ['libatomic.so.1', 'libatomic1'],
  ])
  const { stdout: depends } = await execa('dpkg-deb', ['--field', deb, 'Depends'])
  for (const file of programs) {
    const { stdout } = await execa('readelf', [
      '--dynamic',
      '--version-info',
      '--wide',
      join(installed, file),
    ])
    for (const [, library = ''] of stdout.matchAll(/\(NEEDED\) +Shared library: \[(.*)\]/g))
      assert.match(
        depends,
        new RegExp(`(?:^|, )${libraries.get(library)?.replaceAll('+', '\\+')}\\b`),
        library,
      )
    const needs = [...stdout.matchAll(/GLIBC_2\.([0-9]+)/g)].map(([, minor]) => Number(minor))
    const named = Number(/libc6 \(>= 2\.([0-9]+)\)/.exec(depends)?.[1])
    assert.ok(Math.max(...needs) <= named, `${file} wants glibc 2.${Math.max(...needs)}`)
  }
})

// It looks at every string in 140 MB of Node, which takes half a minute of processor time, and on a busy machine many of wall time.
test('lintian has nothing to say about it', { timeout: 900_000 }, async () => {
  // What a release has and this one, built without compression, has not.
  const uncompressed = 'uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball'
  const words = ['--allow-root', '--fail-on=error,warning', `--suppress-tags=${uncompressed}`, deb]
  const { all } = await execa('lintian', words, { all: true })
  assert.equal(all, '')
})
