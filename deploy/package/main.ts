import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { buildArchive, layOutArchive } from './archive.ts'
import { billOfMaterials } from './bill-of-materials.ts'
import { buildDeb, type Compression } from './debian.ts'
import { ARCHITECTURES, type Architecture } from './elf.ts'
import { layOutDebian } from './layout.ts'
import { neededPackages } from './lock-file.ts'
import { readProduct } from './product.ts'
import { compilePrograms, importedPackages } from './programs.ts'
import { nodeRuntime } from './runtime.ts'
import { Tree } from './tree.ts'
import { valuesOf } from './values.ts'

// npm run package -- [--arch amd64] [--arch arm64] [--out dist] [--compression none]
//
// Makes holdfast_VERSION_ARCH.deb for Debian, holdfast-VERSION-linux-ARCH.tar.xz for other systems, the bill of materials of both, and
// SHA256SUMS. The same commit gives the same bytes. HOLDFAST_MAINTAINER and HOLDFAST_HOMEPAGE say who answers for it.

const ROOT = resolve(import.meta.dirname, '../..')

const { values } = parseArgs({
  options: {
    arch: { type: 'string', multiple: true, default: ['amd64'] },
    out: { type: 'string', default: join(ROOT, 'dist') },
    compression: { type: 'string', default: 'xz' },
  },
})

const out = resolve(values.out)
const compression = compressionOf(values.compression)
const architectures = values.arch.map(architectureOf)
const product = readProduct(ROOT, process.env)
const time = await sourceTime()
mkdirSync(out, { recursive: true })

const work = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
try {
  const programs = join(work, 'programs')
  await compilePrograms(ROOT, programs)
  const direct = [...importedPackages(programs)].sort()
  const made: string[] = []
  for (const architecture of architectures) made.push(...(await makePackage(architecture, programs, direct)))
  const sums = made.sort().map(
    name =>
      `${createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex')}  ${name}\n`,
  )
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''))
  process.stdout.write(sums.join(''))
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function makePackage(
  architecture: Architecture,
  programs: string,
  direct: readonly string[],
): Promise<string[]> {
  const name = ARCHITECTURES[architecture].runtime
  const packages = neededPackages(ROOT, direct)
  const [locked] = neededPackages(ROOT, [name])
  if (!locked) throw new Error(`package-lock.json has no ${name}`)
  const runtime = await nodeRuntime(ROOT, architecture, locked, work)
  const values = valuesOf(ROOT, product, architecture, time)
  const parts = { root: ROOT, product, architecture, programs, packages, runtime, values, time }
  const deb = `${product.name}_${product.version}_${architecture}.deb`
  const tree = new Tree(join(work, architecture))
  layOutDebian(tree, parts)
  const debian = join(ROOT, 'deploy/debian')
  await buildDeb(tree, { values, debian, time, compression }, join(out, deb))
  const unpacked = `${product.name}-${product.version}-linux-${architecture}`
  const archive = `${unpacked}.tar${compression === 'xz' ? '.xz' : ''}`
  const other = new Tree(join(work, unpacked))
  layOutArchive(other, parts)
  await buildArchive(other, compression, time, join(out, archive))
  const bom = `${product.name}_${product.version}_${architecture}.cdx.json`
  const paths = packages.filter(({ path }) => direct.some(each => path === `node_modules/${each}`))
  writeFileSync(
    join(out, bom),
    billOfMaterials(
      product,
      architecture,
      [...packages, locked],
      [...paths.map(({ path }) => path), locked.path],
      time,
    ),
  )
  return [deb, archive, bom]
}

/** What the package takes for its time: SOURCE_DATE_EPOCH, or that of the commit (reproducible-builds.org). */
async function sourceTime(): Promise<Date> {
  const given = process.env.SOURCE_DATE_EPOCH
  const { stdout, failed } =
    given === undefined
      ? await execa('git', ['-C', ROOT, 'log', '-1', '--format=%ct'], { reject: false })
      : { stdout: given, failed: false }
  if (failed || !/^[0-9]{1,10}$/.test(stdout))
    throw new Error('no commit tells the time of these sources: set SOURCE_DATE_EPOCH, in seconds since 1970')
  return new Date(Number(stdout) * 1000)
}

function architectureOf(text: string): Architecture {
  if (text === 'amd64' || text === 'arm64') return text
  throw new Error(`--arch ${text}: expected amd64 or arm64`)
}

function compressionOf(text: string): Compression {
  if (text === 'xz' || text === 'none') return text
  throw new Error(`--compression ${text}: expected xz or none`)
}
