import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SCHEMA_VERSION } from '../../agent/audit/schema.ts'
import { KEY_RECORD_VERSION } from '../../agent/credential/tpm/key-record.ts'
import { KEPT_VERSION } from '../../keep/kept-file.ts'
import type { Product } from './bill-of-materials.ts'
import { ARCHITECTURES, type Architecture } from './elf.ts'

/** What stands for the `@NAME@` in texts and scripts. */
export type Values = Readonly<Record<string, string>>

/** Of one package. The versions of the state that its program knows are the sources' own: a script that runs before the program is there looks for newer ones. */
export function valuesOf(root: string, product: Product, architecture: Architecture, time: Date): Values {
  const values = {
    VERSION: product.version,
    ARCHITECTURE: architecture,
    MACHINE: ARCHITECTURES[architecture].uname,
    MAINTAINER: product.maintainer,
    HOMEPAGE: product.homepage === undefined ? '' : `Homepage: ${product.homepage}\n`,
    SOURCE: product.homepage ?? `the sources of holdfast ${product.version}`,
    DATE: rfc5322(time),
    DAY: time.toISOString().slice(0, 10),
    SCHEMA: String(SCHEMA_VERSION),
    KEPT: String(KEPT_VERSION),
    KEYRECORD: String(KEY_RECORD_VERSION),
  }
  const newerState = readFileSync(join(root, 'deploy/package/newer-state.sh'), 'utf8')
  return { ...values, NEWERSTATE: fill(newerState, values) }
}

/** Puts values into a text where it says `@NAME@`. */
export function fill(text: string, values: Values): string {
  return text.replaceAll(/@([A-Z]+)@/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`there is no value for @${name}@`)
    return value
  })
}

/** As a changelog of Debian wants it: Sun, 22 Nov 2026 10:00:00 +0000. */
function rfc5322(time: Date): string {
  return time.toUTCString().replace('GMT', '+0000')
}
