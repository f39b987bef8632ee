import { cpSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Product } from './bill-of-materials.ts'
import { copyrightOf } from './copyright.ts'
import type { Architecture } from './elf.ts'
import type { Locked } from './lock-file.ts'
import { copyModules } from './modules.ts'
import type { Runtime } from './runtime.ts'
import type { Tree } from './tree.ts'
import { fill, type Values } from './values.ts'

/** What can be run of it. */
export const PROGRAMS = ['bin/node', 'bin/holdfast']
const LIBRARY = 'usr/lib/holdfast'

export interface Parts {
  readonly root: string
  readonly product: Product
  readonly architecture: Architecture
  /** A folder with the compiled programs. */
  readonly programs: string
  readonly packages: readonly Locked[]
  readonly runtime: Runtime
  readonly values: Values
  readonly time: Date
}

/** Puts everything where it will be on a gateway that runs Debian. */
export function layOutDebian(tree: Tree, parts: Parts): void {
  const { root, values, time } = parts
  putProgram(tree, parts, LIBRARY)
  tree.link('../lib/holdfast/bin/holdfast', 'usr/bin/holdfast')
  putUnits(tree, parts, {
    units: 'usr/lib/systemd/system',
    sysusers: 'usr/lib/sysusers.d/holdfast.conf',
    tmpfiles: 'usr/lib/tmpfiles.d/holdfast.conf',
  })
  putDocumentation(tree, parts, 'usr/share')
  const debian = join(root, 'deploy/debian')
  tree.writeCompressed(
    'usr/share/doc/holdfast/changelog.gz',
    fill(readFileSync(join(debian, 'changelog'), 'utf8'), values),
  )
  tree.copy(join(debian, 'lintian-overrides'), 'usr/share/lintian/overrides/holdfast')
  tree.settle(file => PROGRAMS.some(program => file === `${LIBRARY}/${program}`), time)
}

/** The programs, their modules and their Node, in the folder `library`. */
export function putProgram(tree: Tree, parts: Parts, library: string): void {
  const { root, product, architecture, programs, packages, runtime } = parts
  cpSync(programs, tree.path(library), { recursive: true })
  copyModules(root, packages, tree.path(library), architecture)
  tree.write(
    `${library}/package.json`,
    `${JSON.stringify({ name: product.name, version: product.version, type: 'module', private: true })}\n`,
  )
  tree.copy(runtime.program, `${library}/bin/node`)
  tree.copy(runtime.licence, `${library}/LICENSE.node`)
  tree.copy(join(root, 'deploy/package/holdfast.sh'), `${library}/bin/holdfast`)
}

/** The units in a folder, and the files about users and folders by their names. */
export function putUnits(
  tree: Tree,
  { root }: Parts,
  to: Readonly<Record<'units' | 'sysusers' | 'tmpfiles', string>>,
): void {
  const systemd = join(root, 'deploy/systemd')
  for (const unit of globSync('*.{service,timer}', { cwd: systemd }))
    tree.copy(join(systemd, unit), `${to.units}/${unit}`)
  tree.copy(join(systemd, 'sysusers.conf'), to.sysusers)
  tree.copy(join(systemd, 'tmpfiles.conf'), to.tmpfiles)
}

/** What is read: under `share`, the manual page, the documents, the examples and who has the rights. */
export function putDocumentation(tree: Tree, { root, packages, values }: Parts, share: string): void {
  const doc = `${share}/doc/holdfast`
  tree.write(`${doc}/copyright`, copyrightOf(root, packages, values))
  tree.writeCompressed(
    `${share}/man/man1/holdfast.1.gz`,
    fill(readFileSync(join(root, 'deploy/debian/holdfast.1'), 'utf8'), values),
  )
  for (const file of globSync('docs/{*.md,runbooks/*.md,decisions/*.md,images/*.png}', { cwd: root }))
    tree.copy(join(root, file), `${doc}/${file.slice('docs/'.length)}`)
  for (const file of globSync('{**/*.yaml,siem/*}', { cwd: join(root, 'examples') }))
    tree.copy(join(root, 'examples', file), `${doc}/examples/${file}`)
  const deploy = join(root, 'deploy')
  for (const file of globSync('{prometheus/*.yml,grafana/*.json}', { cwd: deploy }))
    tree.copy(join(deploy, file), `${doc}/examples/${file}`)
  const systemd = join(deploy, 'systemd')
  for (const file of globSync('{drop-ins/*.conf,nftables.conf}', { cwd: systemd }))
    tree.copy(join(systemd, file), `${doc}/examples/${file}`)
}
