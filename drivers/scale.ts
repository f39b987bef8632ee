/** What a device holds × `scale` + `offset` is the value in the engineering unit. */
export interface Scale {
  readonly scale: number
  readonly offset: number
}

/**
 * The value that a raw number stands for. Scaling goes over binary fractions, which have no 0.1: 3 × 0.1 would come out as
 * 0.30000000000000004. Fifteen digits are what such a number knows; to them it is rounded.
 */
export function fromRaw({ scale, offset }: Scale, raw: number): number {
  return scale === 1 && offset === 0 ? raw : Number((raw * scale + offset).toPrecision(15))
}

/** The raw number for a value, for a device that holds fractions. */
export function toRaw({ scale, offset }: Scale, value: number): number {
  return (value - offset) / scale
}

/**
 * The whole raw number for a value: exactly that one where it is not scaled, which may be none; else the nearest, and what lies in
 * the middle goes away from zero.
 */
export function toWhole(scale: Scale, value: number): number {
  const exact = toRaw(scale, value)
  if (scale.scale === 1) return exact
  // 0.15 / 0.1 is 1.4999999999999998 to a machine, and a half to everybody else.
  const digits = Number(exact.toPrecision(15))
  return Math.sign(digits) * Math.round(Math.abs(digits))
}
