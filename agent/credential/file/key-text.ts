/** A master key has 32 bytes. As text, these are 64 hexadecimal digits. */
const KEY_LENGTH = 32
const DIGITS = KEY_LENGTH * 2
const LINE_FEED = 0x0a

/** Longest that a key's text can be, in bytes: the digits and a line feed. */
export const KEY_TEXT_LENGTH_MAX = DIGITS + 1

/**
 * Reads a master key as it stands in a file: 64 hexadecimal digits, and at most one line feed after them. As text, because
 * tools and secret stores cut, add and convert line ends, which spoils one raw key in 256. Returns undefined for anything else, and for
 * a key whose bytes are all the same: that is a blank, not a key. No string is made on the way, because strings cannot be wiped.
 * Whoever gets the key wipes it.
 */
export function parseKeyText(text: Uint8Array): Uint8Array | undefined {
  if (text.length !== DIGITS && !(text.length === DIGITS + 1 && text[DIGITS] === LINE_FEED)) return undefined
  const key = Buffer.alloc(KEY_LENGTH)
  let sound = true
  for (let index = 0; index < KEY_LENGTH; index++) {
    const high = digit(text[2 * index])
    const low = digit(text[2 * index + 1])
    if (high === undefined || low === undefined) sound = false
    else key[index] = high * 16 + low
  }
  if (sound && key.some(byte => byte !== key[0])) return key
  key.fill(0)
  return undefined
}

/** The value of one ASCII hexadecimal digit. */
function digit(code = 0): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x41 && code <= 0x46) return code - 0x41 + 10
  if (code >= 0x61 && code <= 0x66) return code - 0x61 + 10
  return undefined
}
