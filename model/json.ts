/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A JSON text in which one object has a key twice: two readers could act on different values. */
export class RepeatedKey extends SyntaxError {
  override readonly name = 'RepeatedKey'

  constructor(key: string) {
    super(`the key ${JSON.stringify(key)} stands twice in one object`)
  }
}

/**
 * Parses JSON and refuses an object that has a key twice (RFC 8259 §4 leaves its meaning open, so two readers of one
 * signed body could act on different values). Throws RepeatedKey, or SyntaxError with the reason. The reason does not quote
 * the text: somebody may have sent a secret in its place.
 */
export function parseJsonStrictly(text: string): Json {
  const value = parse(text)
  const repeated = findRepeatedKey(text)
  if (repeated !== undefined) throw new RepeatedKey(repeated)
  return value
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    // The engine adds `, "…what stands there…" is not valid JSON`.
    throw new SyntaxError(
      (error as SyntaxError).message.replace(/, (?:\.\.\.)?".*$/s, ' where it cannot stand'),
    )
  }
}

const STRING_OR_BRACE = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g

/** Finds a repeated key in a text that is already known to be JSON. Keys are compared after unescaping. */
function findRepeatedKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let last: string | undefined
  for (const [token] of text.matchAll(STRING_OR_BRACE)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':' && last !== undefined) {
      // Only a key is followed by a colon, and a key is always the last string before it.
      const key = JSON.parse(last) as string
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
    last = token.startsWith('"') ? token : undefined
  }
  return undefined
}

/**
 * Serializes a value as canonical JSON (RFC 8785): no whitespace, keys in order of their UTF-16 code units, numbers and
 * strings as ECMAScript writes them. Throws TypeError on a number that is not finite.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('not a JSON number')
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
