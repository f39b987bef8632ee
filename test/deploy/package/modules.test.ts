import assert from 'node:assert/strict'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { ARCHITECTURES, type Architecture, checkMachine } from '../../../deploy/package/elf.ts'
import { type Locked, neededPackages } from '../../../deploy/package/lock-file.ts'
import { copyModules } from '../../../deploy/package/modules.ts'
import { ROOT } from '../../agent/gateway.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

/** What readelf(1) calls the machines. */
const MACHINES: readonly (readonly [Architecture, string])[] = [
  ['amd64', 'Advanced Micro Devices X86-64'],
  ['arm64', 'AArch64'],
]
const OTHER = { amd64: 'arm64', arm64: 'amd64' } as const
const PUMP: Locked = {
  path: 'node_modules/pump',
  name: 'pump',
  version: '1.0.0',
  licence: 'MIT',
  integrity: 'sha512-',
  needs: [],
}

/** The beginning of an ELF file: elf(5), e_ident and e_machine. */
function elf(machine: number): Buffer {
  const header = Buffer.alloc(64)
  header.write('\x7fELF\x02\x01\x01', 'latin1')
  header.writeUInt16LE(3, 16)
  header.writeUInt16LE(machine, 18)
  return header
}

/** Packs a package `pump` with these files, for an architecture. Returns what was copied of it, sorted. */
async function packed(
  files: Readonly<Record<string, Buffer | string>>,
  architecture: Architecture,
): Promise<string[]> {
  await using folder = await temporaryFolder()
  for (const [file, content] of Object.entries(files)) {
    const path = join(folder.path, PUMP.path, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  const out = join(folder.path, 'out')
  copyModules(folder.path, [PUMP], out, architecture)
  return globSync('**/*.*', { cwd: join(out, PUMP.path) }).sort()
}

const native = (architecture: Architecture) => elf(ARCHITECTURES[architecture].machine)
const prebuilds = {
  'index.js': '',
  'prebuilds/linux-x64/pump.node': native('amd64'),
  'prebuilds/linux-x64/pump.musl.node': native('amd64'),
  'prebuilds/linux-arm64/pump.node': native('arm64'),
  'prebuilds/win32-x64/pump.node': 'MZ',
}

for (const [architecture] of MACHINES) {
  const { node } = ARCHITECTURES[architecture]
  const ours = `prebuilds/linux-${node}/pump.node`

  test(`for ${architecture}, of what a package brings for every system its one file of native code is taken`, async () => {
    assert.deepEqual(await packed(prebuilds, architecture), ['index.js', ours])
  })

  test(`for ${architecture}, native code of the other machine is refused, whatever its name says`, async () => {
    const mixedUp = { ...prebuilds, [ours]: native(OTHER[architecture]) }
    await assert.rejects(packed(mixedUp, architecture), {
      message: new RegExp(
        `/pump/${ours} is native code for ${OTHER[architecture]}, and this package is for ${architecture}$`,
      ),
    })
  })

  test(`for ${architecture}, what is no native code, or is for a machine that nobody here knows, is refused`, async () => {
    await assert.rejects(
      packed({ ...prebuilds, [ours]: 'not yet' }, architecture),
      /is no native code \(ELF\)/,
    )
    await assert.rejects(
      packed({ ...prebuilds, [ours]: elf(40) }, architecture),
      /is native code for another machine \(ELF 40\), and this package is for/,
    )
  })

  test(`for ${architecture}, a package whose native code is there for others only, or twice, is refused`, async () => {
    const { [ours]: _, ...others } = prebuilds as Readonly<Record<string, Buffer | string>>
    await assert.rejects(packed(others, architecture), {
      message: `node_modules/pump: one file of native code is expected for ${architecture}, and there is none`,
    })
    const second = `prebuilds/linux-${node}/pump.old.node`
    await assert.rejects(
      packed({ ...prebuilds, [second]: native(architecture) }, architecture),
      /one file of native code is expected for [a-z0-9]+, and there is .+\.node, .+\.node$/,
    )
  })
}

for (const [architecture, machine] of MACHINES)
  test(`of each npm package with native code, ${architecture} has exactly one file, and readelf says that it is for ${machine}`, async () => {
    await using folder = await temporaryFolder()
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    const all = neededPackages(ROOT, Object.keys(dependencies))
    const withNative = all.filter(({ path }) => globSync('**/*.node', { cwd: join(ROOT, path) }).length > 0)
    assert.deepEqual(
      withNative.map(({ name }) => name),
      ['@serialport/bindings-cpp', 'better-sqlite3'],
    )
    copyModules(ROOT, withNative, folder.path, architecture)
    for (const { path } of withNative) {
      const [file = '', ...more] = globSync('**/*.node', { cwd: join(folder.path, path) })
      assert.deepEqual(more, [])
      const { stdout } = await execa('readelf', ['--file-header', join(folder.path, path, file)])
      assert.match(stdout, new RegExp(`^ +Machine: +${machine}$`, 'm'), file)
      assert.throws(
        () => checkMachine(join(folder.path, path, file), OTHER[architecture]),
        /is native code for/,
      )
    }
  })
