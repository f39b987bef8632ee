import { globSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { ROOT } from '../../agent/gateway.ts'

/** Makes the Debian package of these sources in `folder`, and returns its path. Not compressed: that takes a minute and a half. */
export async function makePackage(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  await execa(process.execPath, ['deploy/package/main.ts', '--compression', 'none', '--out', folder], {
    cwd: ROOT,
  })
  const [name] = globSync('*.deb', { cwd: folder })
  if (name === undefined) throw new Error(`no package was made in ${folder}`)
  return join(folder, name)
}
