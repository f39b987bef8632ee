import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Tree } from './tree.ts'
import { fill, type Values } from './values.ts'

export type Compression = 'xz' | 'none'

export interface DebianPackage {
  readonly values: Values
  /** Where control, its scripts and its texts are. */
  readonly debian: string
  readonly time: Date
  readonly compression: Compression
}

/** Makes a .deb of a settled tree. Two of the same tree are the same, byte for byte: dpkg-deb sorts, and takes its times from SOURCE_DATE_EPOCH. */
export async function buildDeb(tree: Tree, options: DebianPackage, file: string): Promise<void> {
  const { values, debian, time, compression } = options
  const files = tree.files()
  const control = join(tree.folder, 'DEBIAN')
  mkdirSync(control)
  const write = (name: string, text: string, mode: number) => {
    writeFileSync(join(control, name), text)
    chmodSync(join(control, name), mode)
  }
  // What the files take in KiB, each for itself and rounded up: policy 5.6.20.
  const size = files.reduce((sum, { bytes }) => sum + Math.ceil(bytes / 1024), 0)
  const filled = (name: string) =>
    fill(readFileSync(join(debian, name), 'utf8'), { ...values, SIZE: String(size) })
  for (const text of ['control', 'templates']) write(text, filled(text), 0o644)
  for (const script of ['config', 'preinst', 'postinst', 'prerm', 'postrm'])
    write(script, filled(script), 0o755)
  const sums = files.map(
    ({ file }) => `${createHash('md5').update(tree.read(file)).digest('hex')}  ${file}\n`,
  )
  write('md5sums', sums.join(''), 0o644)
  chmodSync(control, 0o755)
  await execa(
    'dpkg-deb',
    // One thread: with more, xz's output depends on how many there are.
    ['--root-owner-group', `-Z${compression}`, '--threads-max=1', '--build', tree.folder, file],
    { env: { SOURCE_DATE_EPOCH: String(time.getTime() / 1000) }, stdin: 'ignore' },
  )
}
