/**
 * Arithmetic in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1: the field of AES (FIPS 197, 4) and of SLIP-39. Adding is `^`. There
 * are no tables and no branches on values, so that neither time nor cache tells of the secret, as far as JavaScript allows.
 */
export function multiply(a: number, b: number): number {
  let product = 0
  let power = a
  for (let bit = 0; bit < 8; bit++) {
    product ^= power & -((b >> bit) & 1)
    power = (power << 1) ^ (0x11b & -(power >> 7))
  }
  return product
}

/** The inverse of `a`, as a^254. Zero has none, and gives zero. */
export function invert(a: number): number {
  // 254 = 2 + 4 + 8 + 16 + 32 + 64 + 128
  let square = a
  let inverse = 1
  for (let bit = 1; bit < 8; bit++) {
    square = multiply(square, square)
    inverse = multiply(inverse, square)
  }
  return inverse
}
