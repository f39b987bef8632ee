import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { Compression } from './debian.ts'
import { type Parts, PROGRAMS, putDocumentation, putProgram, putUnits } from './layout.ts'
import type { Tree } from './tree.ts'
import { fill } from './values.ts'

/** Puts everything where install.sh looks for it: what is the same everywhere, and the scripts that know where it goes. */
export function layOutArchive(tree: Tree, parts: Parts): void {
  const { root, values, time } = parts
  putProgram(tree, parts, 'lib/holdfast')
  putDocumentation(tree, parts, 'share')
  putUnits(tree, parts, {
    units: 'systemd',
    sysusers: 'systemd/sysusers.conf',
    tmpfiles: 'systemd/tmpfiles.conf',
  })
  tree.copy(join(root, 'LICENSE'), 'share/doc/holdfast/LICENSE')
  for (const script of ['install.sh', 'uninstall.sh'])
    tree.write(script, fill(readFileSync(join(root, 'deploy/package', script), 'utf8'), values))
  const programs = PROGRAMS.map(program => `lib/holdfast/${program}`)
  tree.settle(file => [...programs, 'install.sh', 'uninstall.sh'].includes(file), time)
}

/** Packs a settled tree, whose folder's name is what it unpacks to. Two of the same tree are the same, byte for byte. */
export async function buildArchive(
  tree: Tree,
  compression: Compression,
  time: Date,
  file: string,
): Promise<void> {
  const name = tree.folder.slice(dirname(tree.folder).length + 1)
  // One thread: with more, xz's output depends on how many there are.
  const compress = compression === 'xz' ? ['--use-compress-program=xz -6 --threads=1'] : []
  const same = [
    '--format=gnu',
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${time.getTime() / 1000}`,
  ]
  await execa(
    'tar',
    [...same, ...compress, '--create', `--file=${file}`, `--directory=${dirname(tree.folder)}`, name],
    {
      env: { LC_ALL: 'C' },
      stdin: 'ignore',
    },
  )
}
