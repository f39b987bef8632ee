import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { importedPackages } from '../package/programs.ts'
import { type Checkout, manifestOf } from './manifest.ts'

// npm run package:simulator -- [--out dist]
//
// Makes holdfast-simulator-VERSION.tgz, the simulator as a library for other projects: JavaScript and its types, because Node runs no
// TypeScript that was installed. It says the name of the file.

const ROOT = resolve(import.meta.dirname, '../..')

const { values } = parseArgs({ options: { out: { type: 'string', default: join(ROOT, 'dist') } } })
const out = resolve(values.out)
mkdirSync(out, { recursive: true })

const folder = mkdtempSync(join(tmpdir(), 'holdfast-simulator-'))
try {
  await execa(join(ROOT, 'node_modules/.bin/tsc'), ['-p', import.meta.dirname, '--outDir', folder])
  const checkout = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Checkout
  const manifest = manifestOf(checkout, importedPackages(folder))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  copyFileSync(join(import.meta.dirname, 'README.md'), join(folder, 'README.md'))
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))
  const { stdout } = await execa('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', out], {
    cwd: folder,
  })
  process.stdout.write(`${join(out, stdout)}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
