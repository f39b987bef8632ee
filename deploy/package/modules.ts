import { copyFileSync, globSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ARCHITECTURES, type Architecture, checkMachine } from './elf.ts'
import type { Locked } from './lock-file.ts'

/** What packages bring that nobody runs: types, maps, sources in C++, pages; at their top, tests and documentation. Licences go into the copyright file. */
const NOT_RUN =
  /\.(?:d\.[cm]?ts|[cm]?ts|map|md|markdown|html|css|c|cc|cpp|h|hpp|gypi?|sh|ya?ml|flow|txt|patch)$|^(?:LICEN[CS]E.*|Makefile|tests?|benchmarks?|docs?|examples?|node_modules)(?:\/|$)/i
/**
 * What one package brings beside what it is for. Nodesets: the simulator's server is of the standard's own nodes (OPC 10000-5), which are
 * loaded from a file; those of companion specifications are for makers of machine tools and kitchens.
 */
const NOT_ASKED_FOR: Readonly<Record<string, RegExp>> = {
  'node-opcua-nodesets': /^nodesets\/(?!Opc\.Ua\.NodeSet2\.)/,
}
/** Packages that are headers: what they are for is in native code already. */
const COMPILED_IN = new Set(['node-addon-api'])

/**
 * Copies what runs of the packages into `folder`. Of prebuilt native code that is what was built for the architecture: throws when a package
 * brings none of it, or more than one, and when a file is for another machine than its name says.
 */
export function copyModules(
  root: string,
  packages: readonly Locked[],
  folder: string,
  architecture: Architecture,
): void {
  for (const { name, path } of packages) {
    if (COMPILED_IN.has(name)) continue
    const files = globSync('**/*', { cwd: join(root, path) })
    checkPrebuilt(path, files, architecture)
    for (const file of files) {
      const from = join(root, path, file)
      if (NOT_RUN.test(file) || NOT_ASKED_FOR[name]?.test(file)) continue
      if (isForeign(file, architecture) || !statSync(from).isFile()) continue
      // Programs of theirs, which nothing of ours calls.
      if (readFileSync(from).toString('latin1', 0, 2) === '#!') continue
      if (file.endsWith('.node')) checkMachine(from, architecture)
      const to = join(folder, path, file)
      mkdirSync(dirname(to), { recursive: true })
      copyFileSync(from, to)
    }
  }
}

/** The licence of a package, in its own words. */
export function licenceText(root: string, { path }: Locked): string | undefined {
  const [file] = globSync('{LICENSE,LICENCE,license}{,.md,.txt,-MIT}', { cwd: join(root, path) }).sort()
  return file && readFileSync(join(root, path, file), 'utf8').trim()
}

/** A package picks its prebuilt file by itself when it is loaded: on the gateway, where nothing can be mended any more. */
function checkPrebuilt(path: string, files: readonly string[], architecture: Architecture): void {
  const native = files.filter(file => file.endsWith('.node'))
  const [ours, ...more] = native.filter(file => !isForeign(file, architecture))
  if (native.length === 0 || (ours !== undefined && more.length === 0)) return
  const found = ours === undefined ? 'none' : [ours, ...more].join(', ')
  throw new Error(`${path}: one file of native code is expected for ${architecture}, and there is ${found}`)
}

/** Native code, and what loads it, for another system: prebuilt packages bring all of them. */
function isForeign(file: string, architecture: Architecture): boolean {
  if (!file.endsWith('.node')) return false
  return file.includes('musl') || !file.includes(`linux-${ARCHITECTURES[architecture].node}`)
}
