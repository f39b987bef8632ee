/**
 * Bytes as a person copies them: groups of five characters, of which the fifth checks the other four and the group's place.
 * The alphabet is Crockford's base 32, which has no I, L, O and U; capitals do not matter, and 0 and 1 are read when O, I or L
 * were written.
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const DATA_CHARACTERS = 4
const GROUP_CHARACTERS = DATA_CHARACTERS + 1

export type GroupsAnswer =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly detail: string }

/** Writes bytes as `7QK4M-…`. Five bytes make two groups; their number must be a multiple of five. */
export function formatGroups(bytes: Uint8Array): string {
  const digits = toDigits(bytes)
  const groups: string[] = []
  for (let at = 0; at < digits.length; at += DATA_CHARACTERS) {
    const data = digits.slice(at, at + DATA_CHARACTERS)
    groups.push([...data, checkDigit(data, groups.length)].map(digit => ALPHABET[digit]).join(''))
  }
  return groups.join('-')
}

/** Reads what `formatGroups` wrote for `length` bytes, and names the first group that cannot be right. */
export function readGroups(text: string, length: number): GroupsAnswer {
  const characters = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  const expected = (length * 8 * GROUP_CHARACTERS) / (5 * DATA_CHARACTERS)
  const digits: number[] = []
  for (let at = 0; at < Math.min(characters.length, expected); at += GROUP_CHARACTERS) {
    const place = at / GROUP_CHARACTERS
    const group = characters.slice(at, at + GROUP_CHARACTERS)
    const found = [...group].map(character => ALPHABET.indexOf(character))
    const unknown = found.indexOf(-1)
    if (unknown >= 0)
      return refused(`group ${place + 1} (${group}) has a "${group[unknown]}", which no code has`)
    const data = found.slice(0, DATA_CHARACTERS)
    if (group.length < GROUP_CHARACTERS || found[DATA_CHARACTERS] !== checkDigit(data, place))
      return refused(`group ${place + 1} (${group}) is not as it was written${count(characters, expected)}`)
    digits.push(...data)
  }
  if (characters.length !== expected)
    return refused(`it has not the right length${count(characters, expected)}`)
  return { kind: 'bytes', bytes: fromDigits(digits, length) }
}

function count(characters: string, expected: number): string {
  const difference = characters.length - expected
  if (difference === 0) return ''
  return difference < 0
    ? `: ${-difference} of ${expected} characters missing, near there`
    : `: ${difference} characters too many, near there`
}

/**
 * A weighted sum in GF(32), modulo x^5 + x^2 + 1. All weights differ and none is zero or one: so every wrong character, every two
 * that changed places, and every group in another group's place is noticed.
 */
function checkDigit(data: readonly number[], place: number): number {
  let weight = 1
  let sum = place & 31
  for (const digit of data) {
    weight = multiply32(weight, 2)
    sum ^= multiply32(weight, digit)
  }
  return sum
}

function multiply32(a: number, b: number): number {
  let product = 0
  let power = a
  for (let bit = 0; bit < 5; bit++) {
    product ^= power & -((b >> bit) & 1)
    power = (power << 1) ^ (0x25 & -(power >> 4))
  }
  return product
}

function toDigits(bytes: Uint8Array): number[] {
  return Array.from({ length: (bytes.length * 8) / 5 }, (_, place) => {
    const bit = place * 5
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    return (pair >> (11 - (bit & 7))) & 31
  })
}

function fromDigits(digits: readonly number[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  digits.forEach((digit, place) => {
    const bit = place * 5
    const pair = digit << (11 - (bit & 7))
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (pair >> 8)
    if ((bit >> 3) + 1 < length) bytes[(bit >> 3) + 1] = (bytes[(bit >> 3) + 1] ?? 0) | (pair & 255)
  })
  return bytes
}

function refused(detail: string): GroupsAnswer {
  return { kind: 'refused', detail }
}
