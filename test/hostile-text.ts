import fc from 'fast-check'

/** What nothing on a terminal may have in it that came from data: whatever steers it, is not seen, or turns writing round. */
export const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

const PIECES = [
  ...['\u001b[2J\u001b[1;1Hplant/gateway-1  up 3d  carrying out commands\u001b[8m', '\u001b]0;owned\u0007'],
  ...['\u009b2K', '\u202e', '\u2066', '\u200f', '\ufeff', '\u00ad', '\u2028', '\u2029', '\u0085', '\u007f'],
  ...['\r', '\n', '\t', '\0', '\b', '\ud800', '\u{e0041}', '\n<13>1 a line of its own', '=1+1', ';', 'valve'],
]

/** Texts as somebody writes them who wants to be seen as another, or not at all. */
export const hostileText = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 3 })), {
    minLength: 1,
    maxLength: 4,
  })
  .map(pieces => pieces.join(''))

/** Whether a terminal that is given this is given nothing but lines. */
export const isPlain = (text: string): boolean => !STEERING.test(text.replaceAll('\n', ''))
