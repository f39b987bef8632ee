import { cpSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Product } from './bill-of-materials.ts'
import { copyrightOf } from './copyright.ts'
import { fill } from './debian.ts'
import type { Architecture } from './elf.ts'
import type { Locked } from './lock-file.ts'
import { copyModules } from './modules.ts'
import type { Runtime } from './runtime.ts'
import type { Tree } from './tree.ts'

const LIBRARY = 'usr/lib/holdfast'
const DOC = 'usr/share/doc/holdfast'

export interface Parts {
  readonly root: string
  readonly product: Product
  readonly architecture: Architecture
  /** A folder with the compiled programs. */
  readonly programs: string
  readonly packages: readonly Locked[]
  readonly runtime: Runtime
  readonly time: Date
}

/** Puts everything where it will be on the gateway. */
export function layOut(tree: Tree, parts: Parts): void {
  const { root, product, architecture, programs, packages, runtime, time } = parts
  cpSync(programs, tree.path(LIBRARY), { recursive: true })
  copyModules(root, packages, tree.path(LIBRARY), architecture)
  tree.write(
    `${LIBRARY}/package.json`,
    `${JSON.stringify({ name: product.name, version: product.version, type: 'module', private: true })}\n`,
  )
  tree.copy(runtime.program, `${LIBRARY}/bin/node`)
  tree.copy(runtime.licence, `${LIBRARY}/LICENSE.node`)
  tree.copy(join(root, 'deploy/package/holdfast.sh'), `${LIBRARY}/bin/holdfast`)
  tree.link('../lib/holdfast/bin/holdfast', 'usr/bin/holdfast')

  const systemd = join(root, 'deploy/systemd')
  for (const unit of globSync('*.{service,timer}', { cwd: systemd }))
    tree.copy(join(systemd, unit), `usr/lib/systemd/system/${unit}`)
  tree.copy(join(systemd, 'sysusers.conf'), 'usr/lib/sysusers.d/holdfast.conf')
  tree.copy(join(systemd, 'tmpfiles.conf'), 'usr/lib/tmpfiles.d/holdfast.conf')

  const debian = join(root, 'deploy/debian')
  const values = { VERSION: product.version, DATE: rfc5322(time), DAY: time.toISOString().slice(0, 10) }
  tree.write(`${DOC}/copyright`, copyrightOf(root, packages))
  tree.writeCompressed(`${DOC}/changelog.gz`, fill(readFileSync(join(debian, 'changelog'), 'utf8'), values))
  tree.writeCompressed(
    'usr/share/man/man1/holdfast.1.gz',
    fill(readFileSync(join(debian, 'holdfast.1'), 'utf8'), values),
  )
  tree.copy(join(debian, 'lintian-overrides'), 'usr/share/lintian/overrides/holdfast')
  for (const file of globSync('docs/{*.md,runbooks/*.md,decisions/*.md}', { cwd: root }))
    tree.copy(join(root, file), `${DOC}/${file.slice('docs/'.length)}`)
  for (const file of globSync('{water-treatment/**/*.yaml,cooling-loop/**/*.yaml}', {
    cwd: join(root, 'examples'),
  }))
    tree.copy(join(root, 'examples', file), `${DOC}/examples/${file}`)
  for (const file of globSync('*.conf', { cwd: join(systemd, 'drop-ins') }))
    tree.copy(join(systemd, 'drop-ins', file), `${DOC}/examples/drop-ins/${file}`)
  for (const file of globSync('{prometheus/*.yml,grafana/*.json}', { cwd: join(root, 'deploy') }))
    tree.copy(join(root, 'deploy', file), `${DOC}/examples/${file}`)

  tree.settle(file => file === `${LIBRARY}/bin/node` || file === `${LIBRARY}/bin/holdfast`, time)
}

/** As a changelog of Debian wants it: Sun, 22 Nov 2026 10:00:00 +0000. */
function rfc5322(time: Date): string {
  return time.toUTCString().replace('GMT', '+0000')
}
