import type { Locked } from './lock-file.ts'
import { licenceText } from './modules.ts'
import { fill, type Values } from './values.ts'

const OURS = `holdfast: an agent between operators and actuators.
Source: @SOURCE@
Packaged by: @MAINTAINER@

Copyright: the authors of holdfast

Licensed under the Apache License, Version 2.0. On Debian systems its text is in /usr/share/common-licenses/Apache-2.0.

The Node.js runtime in /usr/lib/holdfast/bin/node is under the MIT licence; what it contains itself, and under which terms,
is in /usr/lib/holdfast/LICENSE.node.

The packages in /usr/lib/holdfast/node_modules:
`

/** The copyright file: our licence, and in its own words that of each package. Throws where a package says none. */
export function copyrightOf(root: string, packages: readonly Locked[], values: Values): string {
  const parts = packages.map(locked => {
    const { name, version, licence } = locked
    const text = licence === 'Apache-2.0' ? APACHE : (licenceText(root, locked) ?? TERMS[licence])
    if (text === undefined) throw new Error(`${name} ${version} (${licence}) has no licence text`)
    return `----- ${name} ${version} (${licence})\n\n${text}\n`
  })
  return `${fill(OURS, values)}\n${parts.join('\n')}`
}

const APACHE = 'On Debian systems the text of this licence is in /usr/share/common-licenses/Apache-2.0.'

/** For packages that name their licence and do not repeat it (https://spdx.org/licenses/MIT). */
const TERMS: Readonly<Record<string, string>> = {
  MIT: `Copyright: the authors of the package

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`,
}
