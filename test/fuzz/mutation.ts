import fc from 'fast-check'

/** One thing that is done to a text. Places are taken modulo what there is, so that every edit does something anywhere. */
export type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'put'; readonly at: number; readonly text: string }
  | { readonly kind: 'cut'; readonly at: number; readonly length: number }
  | { readonly kind: 'double'; readonly at: number; readonly length: number }
  /** The rest of these change whole parts, between separators of the grammar, so that much of what comes out is well formed. */
  | { readonly kind: 'drop-part'; readonly at: number }
  | { readonly kind: 'double-part'; readonly at: number }
  | { readonly kind: 'swap-parts'; readonly at: number; readonly with: number }
  | { readonly kind: 'replace-part'; readonly at: number; readonly text: string }

/** What stands between the parts of a keyid, a Signature-Input, a list, a path, a JSON text and a request's head. */
const SEPARATORS = /([;,=:/|"(){}[\] ?&\r\n]+)/

/** Values at which readers of one form or another have gone wrong before. */
const NASTY = [
  '',
  ' ',
  '\t',
  '\r\n',
  '\n\n',
  '\0',
  '0',
  '-0',
  '-1',
  '00',
  '1e9',
  '0x10',
  '1.5',
  '9007199254740993',
  '9'.repeat(40),
  'null',
  'true',
  '"',
  '\\',
  '\\"',
  '%00',
  '%2e%2e',
  '..',
  '*',
  '*'.repeat(60),
  'é',
  '\u{1F4A7}',
  '\uD800',
  '\u202E',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'hf1:',
  'sub=alice',
  'sub=bob',
  'role=admin',
  'act=*',
  'net=0.0.0.0/0',
  'net=::/0',
  'local',
  'exp=9999999999',
  'nbf=1000000000',
  'rate=1/1',
  'spiffe=spiffe://plant/panel-1',
  'moon=full',
  ';'.repeat(40),
  '['.repeat(200),
  'a'.repeat(600),
  'a'.repeat(2049),
  'created=1',
  'nonce="AAAAAAAAAAAAAAAAAAAAAA"',
  'alg="none"',
  'tag="holdfast-v1"',
  ', b=()',
  ', hf=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:',
  'Transfer-Encoding: chunked',
  'Content-Length: 5',
]

/** Edits of a text; `others` are texts of the same kind, whose pieces are put in too. They shrink to the one that matters. */
export function edits(others: readonly string[] = []): fc.Arbitrary<readonly Edit[]> {
  const at = fc.nat(4000)
  const length = fc.integer({ min: 1, max: 40 })
  const pieces = others.flatMap(text => [text, ...text.split(SEPARATORS)])
  const text = fc.oneof(fc.constantFrom(...NASTY, ...pieces), fc.string({ maxLength: 8, unit: 'binary' }))
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    fc.record({ kind: fc.constant('flip'), at, bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('put'), at, text }),
    fc.record({ kind: fc.constant('cut'), at, length }),
    fc.record({ kind: fc.constant('double'), at, length }),
    fc.record({ kind: fc.constant('drop-part'), at }),
    fc.record({ kind: fc.constant('double-part'), at }),
    fc.record({ kind: fc.constant('swap-parts'), at, with: at }),
    fc.record({ kind: fc.constant('replace-part'), at, text }),
  )
  return fc.array(edit, { minLength: 1, maxLength: 4 })
}

/** A text after some edits. */
export function edited(text: string, list: readonly Edit[]): string {
  return list.reduce(applyEdit, text)
}

function applyEdit(text: string, edit: Edit): string {
  switch (edit.kind) {
    case 'flip': {
      if (text === '') return text
      const at = edit.at % text.length
      const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << edit.bit))
      return text.slice(0, at) + flipped + text.slice(at + 1)
    }
    case 'put': {
      const at = edit.at % (text.length + 1)
      return text.slice(0, at) + edit.text + text.slice(at)
    }
    case 'cut': {
      const at = edit.at % (text.length + 1)
      return text.slice(0, at) + text.slice(at + edit.length)
    }
    case 'double': {
      const at = edit.at % (text.length + 1)
      return text.slice(0, at + edit.length) + text.slice(at)
    }
    case 'drop-part':
    case 'double-part':
    case 'swap-parts':
    case 'replace-part':
      return editParts(text.split(SEPARATORS), edit).join('')
  }
}

function editParts(
  parts: readonly string[],
  edit: Extract<Edit, { kind: `${string}-part` | 'swap-parts' }>,
): readonly string[] {
  const at = edit.at % parts.length
  const part = parts[at] ?? ''
  switch (edit.kind) {
    case 'drop-part':
      // With the separator before it, as somebody who leaves a member out does.
      return parts.toSpliced(Math.max(0, at - 1), 2)
    case 'double-part':
      return parts.toSpliced(at, 0, part, parts[at + 1] ?? '')
    case 'swap-parts': {
      const other = edit.with % parts.length
      return parts.with(at, parts[other] ?? '').with(other, part)
    }
    case 'replace-part':
      return parts.with(at, edit.text)
  }
}
