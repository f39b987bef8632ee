import { globSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { ROOT } from '../../agent/gateway.ts'

/** A package needs one, and where there is no git, or it is not asked, no commit tells it. */
const TIME = { SOURCE_DATE_EPOCH: '1795000000' }

/** Makes the Debian package and the archive of these sources in `folder`, and returns their paths. Not compressed: that takes a minute and a half. */
export async function makePackage(folder: string): Promise<{ deb: string; archive: string }> {
  mkdirSync(folder, { recursive: true })
  await execa(process.execPath, ['deploy/package/main.ts', '--compression', 'none', '--out', folder], {
    cwd: ROOT,
    env: TIME,
  })
  const [deb] = globSync('*.deb', { cwd: folder })
  const [archive] = globSync('*.tar', { cwd: folder })
  if (deb === undefined || archive === undefined) throw new Error(`no package was made in ${folder}`)
  return { deb: join(folder, deb), archive: join(folder, archive) }
}
