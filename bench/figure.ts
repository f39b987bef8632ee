/** One figure that the README may quote: what holdfast takes, and what stands beside it, measured in the same run. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly ours: number
  /** The least, or for a rate the most, that any program could reach here; null where there is no such thing. */
  readonly limit: number | null
  /** What another program reaches that does the same; null where none was measured. */
  readonly peer: number | null
  /** Ours divided by the limit, or by the peer where there is no limit. */
  readonly ratio: number | null
  readonly better: 'less' | 'more'
  /** What the limit or the peer is, in words. */
  readonly against: string
  readonly p50?: number
  readonly p99?: number
  /** Further findings by name, in the figure's unit unless the name says otherwise. */
  readonly also?: Readonly<Record<string, number>>
}

type Measured = Omit<Figure, 'peer' | 'ratio' | 'limit'> & { readonly limit: number }

/** A figure against a limit. Everything is rounded to four significant digits: no clock here knows more. */
export function figure({ name, unit, ours, limit, better, against, ...more }: Measured): Figure {
  const { p50, p99, also } = more
  return {
    name,
    unit,
    ours: round(ours),
    limit: round(limit),
    peer: null,
    ratio: round(ours / limit),
    better,
    against,
    ...(p50 === undefined ? {} : { p50: round(p50) }),
    ...(p99 === undefined ? {} : { p99: round(p99) }),
    ...(also
      ? { also: Object.fromEntries(Object.entries(also).map(([key, value]) => [key, round(value)])) }
      : {}),
  }
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}

/** What a measurement is handed: it stops soon after `signal` aborts, and says on `progress` what it is at. */
export interface Run {
  readonly signal: AbortSignal
  progress(text: string): void
}
