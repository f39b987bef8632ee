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
  const plan: Merged<Wish>[] = []
  let table: Span['table'] | undefined
  let [start, end, max] = [0, 0, 0]
  let together: Wish[] = []
  const close = () => {
    if (table) plan.push({ span: { table, address: start, count: end - start }, wishes: together })
  }
  for (const wish of sorted) {
    const { span } = wish
    const { address } = span
    const endWith = Math.max(end, address + span.count)
    const isCut = address !== start && cuts.size > 0 && cuts.has(cutKey(span))
    const isNear = address - end <= limits.gap && (endWith - start <= max || endWith === end)
    if (span.table === table && isNear && !isCut) {
      end = endWith
      together.push(wish)
      continue
    }
    close()
    table = span.table
    start = address
    end = address + span.count
    max = isBitTable(table) ? limits.bitsMax : limits.registersMax
    together = [wish]
  }
  close()
  return plan
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
