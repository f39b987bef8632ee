import type { Entropy } from '../../../model/time.ts'
import { invert, multiply } from './field.ts'

/** A point of the polynomials, one polynomial for each byte: their values at `index`. */
export interface Point {
  /** From 1 to 255; the secret is at 0. */
  readonly index: number
  readonly value: Uint8Array
}

/**
 * Splits a secret into `shares` points of which any `threshold` give it back and fewer say nothing about it (A. Shamir, "How to
 * share a secret", CACM 22(11), 1979). Each byte is the constant term of a polynomial of its own, of degree `threshold` - 1,
 * whose other coefficients are random. Throws RangeError for numbers that make no scheme.
 */
export function splitSecret(
  secret: Uint8Array,
  scheme: { readonly threshold: number; readonly shares: number },
  entropy: Entropy,
): Point[] {
  const { threshold, shares } = scheme
  if (!(threshold >= 1 && threshold <= shares && shares <= 255)) throw new RangeError('no such scheme')
  const coefficients = Array.from({ length: threshold - 1 }, () => entropy(secret.length))
  const points = Array.from({ length: shares }, (_, index) => ({
    index: index + 1,
    value: evaluate(secret, coefficients, index + 1),
  }))
  for (const coefficient of coefficients) coefficient.fill(0)
  return points
}

/** The polynomials' values at `at`, from as many points as their threshold (Lagrange). Points have different indexes. */
export function interpolate(points: readonly Point[], at: number): Uint8Array {
  const result = new Uint8Array(points[0]?.value.length ?? 0)
  for (const { index, value } of points) {
    let weight = 1
    for (const other of points) {
      if (other.index !== index)
        weight = multiply(weight, multiply(at ^ other.index, invert(index ^ other.index)))
    }
    result.forEach((sum, place) => {
      result[place] = sum ^ multiply(weight, value[place] ?? 0)
    })
  }
  return result
}

/** Horner's rule, for all bytes at once. */
function evaluate(secret: Uint8Array, coefficients: readonly Uint8Array[], x: number): Uint8Array {
  const value = new Uint8Array(secret.length)
  for (const coefficient of [...coefficients].reverse().concat(secret)) {
    value.forEach((sum, place) => {
      value[place] = multiply(sum, x) ^ (coefficient[place] ?? 0)
    })
  }
  return value
}
