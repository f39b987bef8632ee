import type { Json } from './json.ts'

/**
 * Characters that steer a terminal or are not seen: control characters (C1 too), formatting characters such as those that turn the
 * direction of writing, and the separators of lines and paragraphs; halves of characters, too.
 */
const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
/** Those of them that JSON leaves as they are. A line feed in JSON is never in a text. */
const STEERING_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu

/** A value as text of one line, that moves no cursor, colours nothing and turns nothing round, whatever is in it. */
export function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.replaceAll(STEERING, '\ufffd')
}

/** A text of several lines for a terminal, each of them plain. Line feeds stay: what they are put between is to be plain already. */
export function plainLines(text: string): string {
  return text.split('\n').map(plain).join('\n')
}

/** A value with every text and every member's name plain: what comes out can be put into lines. */
export function plainJson<Value extends Json>(value: Value): Value {
  return plainly(value) as Value
}

function plainly(value: Json): Json {
  if (typeof value === 'string') return plain(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plainly)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [plain(name), plainly(member)]))
}

/** The same JSON, with whatever steers a terminal escaped: it means what it meant, to whoever parses it. */
export function plainJsonText(json: string): string {
  return json.replaceAll(STEERING_IN_JSON, character =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

/** A value as one line of JSON for a terminal or a program. */
export function jsonLine(value: unknown): string {
  return `${plainJsonText(JSON.stringify(value))}\n`
}
