import type { Locked } from './lock-file.ts'
import { licenceText } from './modules.ts'

const OURS = `holdfast: an agent between operators and actuators.
Source: https://github.com/holdfast/holdfast

Copyright: the authors of holdfast

Licensed under the Apache License, Version 2.0. On Debian systems its text is in /usr/share/common-licenses/Apache-2.0.

The Node.js runtime in /usr/lib/holdfast/bin/node is under the MIT licence; what it contains itself, and under which terms,
is in /usr/lib/holdfast/LICENSE.node.

The packages in /usr/lib/holdfast/node_modules:
`

/** The copyright file: our licence, and in its own words that of each package. Throws where a package says none. */
export function copyrightOf(root: string, packages: readonly Locked[]): string {
  const parts = packages.map(locked => {
    const { name, version, licence } = locked
    const text = licenceText(root, locked) ?? TERMS[licence]
    if (text === undefined) throw new Error(`${name} ${version} (${licence}) has no licence text`)
    return `----- ${name} ${version} (${licence})\n\n${text}\n`
  })
  return `${OURS}\n${parts.join('\n')}`
}

/** For packages that name their licence and do not repeat it. */
const TERMS: Readonly<Record<string, string>> = {}
