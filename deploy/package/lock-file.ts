import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** One package of the lock file. */
export interface Locked {
  /** Where it is: `node_modules/execa`. */
  readonly path: string
  readonly name: string
  readonly version: string
  readonly licence: string
  /** `sha512-` and the hash in base64, of the package as the registry serves it. */
  readonly integrity: string
  /** The paths of the packages that it needs itself. */
  readonly needs: readonly string[]
}

interface Entry {
  readonly version: string
  readonly integrity?: string
  readonly license?: string
  readonly dependencies?: Record<string, string>
}

const FOLDER = 'node_modules/'
/** Packages whose package.json names no licence: what their sources or their LICENSE say. */
const LICENCE_ELSEWHERE: Readonly<Record<string, string>> = { dequeue: 'BSD-2-Clause', precond: 'MIT' }

/** The packages of package-lock.json that are needed by some of ours, and what those need in turn; sorted by their paths. */
export function neededPackages(root: string, names: Iterable<string>): Locked[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Entry>
  }
  const found = new Map<string, Locked>()
  const add = (name: string, from: string): string => {
    const path = resolve(packages, name, from)
    if (found.has(path)) return path
    const entry = packages[path]
    const licence = entry?.license ?? LICENCE_ELSEWHERE[name]
    if (!entry?.integrity || !licence) throw new Error(`package-lock.json: ${path} has no hash or licence`)
    const needs: string[] = []
    found.set(path, {
      path,
      name,
      version: entry.version,
      licence,
      integrity: entry.integrity,
      needs,
    })
    for (const each of Object.keys(entry.dependencies ?? {})) needs.push(add(each, path))
    return path
  }
  for (const name of names) add(name, '')
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** As Node resolves it: the nearest node_modules on the way up. */
function resolve(packages: Record<string, Entry>, name: string, from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = `${folder === '' || folder === '.' ? '' : `${folder}/`}${FOLDER}${name}`
    if (packages[path]) return path
    if (folder === '' || folder === '.')
      throw new Error(`package-lock.json has no ${name}, which ${from} needs`)
  }
}
