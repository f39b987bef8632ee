import { type Asked, GIVEN_UP_BEFORE, givenUp, meaningOf } from './ask.ts'
import type { GivenUp, Patience } from './deadlines.ts'
import type { Addressee, Exchange } from './exchange.ts'
import type { Line } from './line.ts'
import type { ModbusLink } from './link.ts'
import { isAnswer, readQuestion } from './pdu.ts'
import { cutKey, type Merged, planReads, type ReadLimits } from './plan.ts'
import { isBitTable, type Span } from './point.ts'

interface Wish {
  readonly span: Span
  /** The request that carries it; undefined while it waits. */
  carrier: Carrier | undefined
  resolve(asked: Asked): void
}

interface Carrier {
  readonly exchange: Exchange
  readonly wishes: Set<Wish>
}

/** The exceptions that may be about one of the addresses and not about all: illegal address, illegal value, failure. */
const DIVISIBLE: ReadonlySet<number> = new Set([2, 3, 4])

/**
 * The reads of one unit. What is asked for at one moment, and what gathers while the device is busy, goes out in as few
 * requests as the device's limits allow. A refused request is cut in two until what is refused stands alone, and the cuts
 * are remembered as long as the connection lasts: one bad point costs its neighbours nothing but a request or two.
 */
export class Reads {
  readonly #link: ModbusLink
  readonly #from: Addressee
  readonly #limits: ReadLimits
  readonly #kind: 'read' | 'look'
  /** Lists and not sets, for the reason that the queue of a line has. */
  #waiting: Wish[] = []
  /** How what waits would go out; undefined when that has to be thought over. */
  #plan: Merged<Wish>[] | undefined
  #cuts: { readonly line: Line; readonly at: Set<string> } | undefined
  /** The requests that are in line for what waits. */
  #turns: Exchange[] = []
  #isGathering = false

  constructor(link: ModbusLink, from: Addressee, limits: ReadLimits, kind: 'read' | 'look') {
    this.#kind = kind
    this.#link = link
    this.#from = from
    this.#limits = limits
  }

  /** Reads a span from the device: registers as they came, or one bit as one byte. */
  async read(span: Span, patience: Patience): Promise<Asked> {
    if (this.#link.deadlines.isOver(patience)) return { kind: 'unreachable', reason: GIVEN_UP_BEFORE }
    return await new Promise<Asked>(resolve => {
      const wish: Wish = {
        span,
        carrier: undefined,
        resolve: asked => {
          wait.end()
          resolve(asked)
        },
      }
      const giveUp = (why: GivenUp) => {
        const { deadlines, line } = this.#link
        const { exchange } = wish.carrier ?? {}
        const left = why === 'late' && exchange && 'start' in line ? line.patienceWith(exchange) : 0
        if (left > 0) wait = deadlines.watch(deadlines.from(left, patience.stop), giveUp)
        else this.#drop(wish, why)
      }
      let wait = this.#link.deadlines.watch(patience, giveUp)
      this.#wait(wish)
      this.#gather()
    })
  }

  #wait(wish: Wish): void {
    this.#waiting.push(wish)
    this.#plan = undefined
  }

  /** Everything that is asked for before the program comes to rest belongs to one moment. */
  #gather(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    queueMicrotask(() => {
      this.#isGathering = false
      const { line } = this.#link
      if (!('start' in line)) return this.#fail({ kind: 'unreachable', reason: line.trouble })
      const needed = this.#planFor(line).length
      while (this.#turns.length < needed && this.#waiting.length > 0) this.#takeTurn(line)
    })
  }

  /** Gets in line for one request. What it carries is settled when its turn has come. */
  #takeTurn(line: Line): void {
    let merged: Merged<Wish> | undefined
    const exchange: Exchange = {
      kind: this.#kind,
      turnOf: 'looks',
      unit: this.#from.unit,
      timeout: this.#from.timeout,
      request: () => {
        this.#leave(exchange)
        merged = this.#next(line)
        if (!merged) return undefined
        const carrier = { exchange, wishes: new Set(merged.wishes) }
        for (const wish of merged.wishes) wish.carrier = carrier
        this.#waiting = this.#waiting.filter(wish => wish.carrier === undefined)
        return readQuestion(merged.span).request
      },
      fits: pdu => merged !== undefined && isAnswer(readQuestion(merged.span), pdu),
      ended: end => {
        if (merged)
          return this.#hand(line, merged, meaningOf(end, readQuestion(merged.span), line, this.#from))
        this.#leave(exchange)
        if (end.kind === 'unreachable') this.#fail(end)
      },
    }
    this.#turns.push(exchange)
    line.start(exchange)
  }

  #leave(turn: Exchange): void {
    const index = this.#turns.indexOf(turn)
    if (index > 0) this.#turns.splice(index, 1)
    else if (index === 0) this.#turns.shift()
  }

  /** The request that has the oldest wish in it. */
  #next(line: Line): Merged<Wish> | undefined {
    const [oldest] = this.#waiting
    if (!oldest) return undefined
    const plan = this.#planFor(line)
    const index = plan.findIndex(({ wishes }) => wishes.includes(oldest))
    return plan.splice(index, 1)[0]
  }

  #hand(line: Line, { span, wishes }: Merged<Wish>, asked: Asked): void {
    const alive = wishes.filter(({ carrier }) => carrier !== undefined)
    const middle = asked.kind === 'exception' && DIVISIBLE.has(asked.code) ? middleOf(wishes) : undefined
    if (middle !== undefined) {
      this.#cutsOf(line).add(cutKey({ ...span, address: middle }))
      for (const wish of alive) {
        wish.carrier = undefined
        this.#wait(wish)
      }
      return this.#gather()
    }
    for (const wish of alive)
      wish.resolve(asked.kind === 'data' ? { ...asked, data: part(asked.data, span, wish.span) } : asked)
  }

  #fail(asked: Asked): void {
    const failed = this.#waiting
    this.#waiting = []
    this.#plan = undefined
    for (const wish of failed) wish.resolve(asked)
  }

  /** Somebody does not wait any more. The request goes on for the others that it carries. */
  #drop(wish: Wish, why: GivenUp): void {
    const { carrier } = wish
    const { line } = this.#link
    if (!carrier) {
      this.#waiting = this.#waiting.filter(one => one !== wish)
      this.#plan = undefined
      if (this.#waiting.length === 0 && 'start' in line)
        for (const turn of this.#turns.splice(0)) line.giveUp(turn, why)
      return wish.resolve(givenUp('not-sent', why))
    }
    wish.carrier = undefined
    carrier.wishes.delete(wish)
    if (carrier.wishes.size === 0 && 'start' in line) line.giveUp(carrier.exchange, why)
    wish.resolve(givenUp('sent', why))
  }

  #planFor(line: Line): Merged<Wish>[] {
    const cuts = this.#cutsOf(line)
    this.#plan ??= planReads(this.#waiting, this.#limits, cuts)
    return this.#plan
  }

  #cutsOf(line: Line): Set<string> {
    if (this.#cuts?.line !== line) {
      this.#cuts = { line, at: new Set() }
      this.#plan = undefined
    }
    return this.#cuts.at
  }
}

/** Where to cut a request in two; undefined where all wishes begin at one address. */
function middleOf(wishes: readonly Wish[]): number | undefined {
  const starts = [...new Set(wishes.map(({ span }) => span.address))]
  return starts.length > 1 ? starts[Math.ceil(starts.length / 2)] : undefined
}

/** The bytes of a smaller span in those of a larger one. */
function part(data: Buffer, whole: Span, span: Span): Buffer {
  const from = span.address - whole.address
  if (!isBitTable(span.table)) return data.subarray(2 * from, 2 * (from + span.count))
  return Buffer.of(((data[from >> 3] ?? 0) >> (from & 7)) & 1)
}
