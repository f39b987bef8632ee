/** How many shares there are, and how many of them give the key back. */
export interface Scheme {
  readonly threshold: number
  readonly shares: number
}

export type SchemeAnswer =
  | ({ readonly kind: 'scheme' } & Scheme)
  | { readonly kind: 'refused'; readonly detail: string }

/** More than that many envelopes nobody keeps track of. */
export const SHARES_MAX = 16

/** Reads `3-of-5`: from 2-of-2 to 16-of-16. */
export function parseScheme(text: string): SchemeAnswer {
  const [, first, second] = /^([0-9]{1,3})-of-([0-9]{1,3})$/i.exec(text.trim()) ?? []
  const threshold = Number(first)
  const shares = Number(second)
  if (first === undefined || second === undefined)
    return refused(`"${text}" is not a way to split a key: write it as 3-of-5`)
  if (threshold > shares) return refused(`of ${shares} shares, ${threshold} cannot be needed`)
  if (shares > SHARES_MAX) return refused(`a key is split into ${SHARES_MAX} shares at most`)
  if (threshold < 2)
    return refused('at least two shares must be needed: with one, every share is the key itself')
  return { kind: 'scheme', threshold, shares }
}

function refused(detail: string): SchemeAnswer {
  return { kind: 'refused', detail }
}
