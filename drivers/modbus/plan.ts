import { isBitTable, type Span } from './point.ts'

/** What a device takes in one read. A single point is never split, whatever these say. */
export interface ReadLimits {
  readonly registersMax: number
  readonly bitsMax: number
  /** How many addresses that nobody asked for may be read along, so that two requests become one. */
  readonly gap: number
}

/** Several wishes as one request. */
export interface Merged<Wish> {
  readonly span: Span
  readonly wishes: readonly Wish[]
}

/** An address at which a request must begin, because one over it was refused. */
export function cutKey({ table, address }: Span): string {
  return `${table} ${address}`
}

/** Merges wishes into as few requests as the limits and the cuts allow, in the order of table and address. */
export function planReads<Wish extends { readonly span: Span }>(
  wishes: Iterable<Wish>,
  limits: ReadLimits,
  cuts: ReadonlySet<string>,
): Merged<Wish>[] {
  const sorted = [...wishes].sort(
    ({ span: a }, { span: b }) => compare(a.table, b.table) || a.address - b.address || a.count - b.count,
  )
  const plan: { span: Span; wishes: Wish[] }[] = []
  for (const wish of sorted) {
    const { span } = wish
    const last = plan.at(-1)
    const merged = last && join(last.span, span)
    const max = isBitTable(span.table) ? limits.bitsMax : limits.registersMax
    const isFree = last && span.address - endOf(last.span) <= limits.gap
    const isCut = last && span.address !== last.span.address && cuts.has(cutKey(span))
    const isContained = last && merged && merged.count === last.span.count
    if (last && merged && isFree && !isCut && (isContained || merged.count <= max)) {
      last.span = merged
      last.wishes.push(wish)
    } else plan.push({ span, wishes: [wish] })
  }
  return plan
}

/** One span over both; undefined where they are of different tables. */
function join(one: Span, other: Span): Span | undefined {
  if (one.table !== other.table) return undefined
  const end = Math.max(endOf(one), endOf(other))
  return { table: one.table, address: one.address, count: end - one.address }
}

function endOf({ address, count }: Span): number {
  return address + count
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
