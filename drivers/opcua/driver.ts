import type { CallMethodResult, DataValue } from 'node-opcua-client'
import type { Clock, Millis } from '../../model/time.ts'
import type { Driver, ReadResult, WriteResult } from '../driver.ts'
import type { Identity } from '../identity.ts'
import { Asker, endOf } from './ask.ts'
import { limitsOf } from './limits.ts'
import type { OpcUaLink } from './link.ts'
import { inParts } from './parts.ts'
import { type Call, encodeRaw, methodFor, type NodeName, type OpcUaPoint } from './point.ts'
import { isDone, isRefusal } from './status.ts'
import { numberIn, valueIn, variantOf } from './value.ts'
import { Watch, type Wish } from './watch.ts'

/** AttributeIds.Value (OPC 10000-6 §A.1): the library need not be loaded for it. */
const VALUE = 13

/** BuildInfo of the server (OPC 10000-5 §12.4), in namespace 0. */
const BUILD_INFO = {
  vendor: 2263,
  product_name: 2261,
  product_uri: 2262,
  revision: 2264,
  build: 2265,
} as const

/** OPC UA over one session. Reads ask the server for a fresh value each time; a value that is not good is none. */
export class OpcUaDriver implements Driver {
  readonly link: OpcUaLink
  readonly #points: ReadonlyMap<string, OpcUaPoint>
  readonly #clock: Clock
  readonly #asker: Asker
  #watch: Watch | undefined

  constructor(link: OpcUaLink, points: ReadonlyMap<string, OpcUaPoint>, clock: Clock) {
    this.link = link
    this.#points = points
    this.#clock = clock
    this.#asker = new Asker(link, clock)
  }

  get connections(): number {
    return this.link.connections
  }

  /**
   * A greatest age of 0 asks the server to get the value from its source (OPC 10000-4 §5.11.2), after it has taken the request: so
   * a reading that is asked for when a write was answered cannot be older than that write. This is what commands are verified
   * with, and never what a subscription told: see docs/decisions/0012.
   */
  async read(name: string, timeout: Millis, stop?: AbortSignal): Promise<ReadResult> {
    const point = this.#point(name)
    if (point.call) throw new RangeError(`${name} is a method: it has no value`)
    const asked = await this.#asker.ask(endOf(timeout, stop), [point.node], (session, [nodeId = '']) =>
      session.read({ nodeId, attributeId: VALUE }, 0),
    )
    if (asked.kind !== 'answered') return { kind: 'failed', reason: asked.reason }
    const value = valueIn(point, asked.answer as DataValue)
    return typeof value === 'string'
      ? { kind: 'failed', reason: value }
      : { kind: 'value', value, age: this.#clock.monotonic() - asked.sent }
  }

  async write(name: string, value: number, timeout: Millis, stop?: AbortSignal): Promise<WriteResult> {
    const point = this.#point(name)
    const { node, call, dataType } = point
    const raw = encodeRaw(point, value)
    if (!call && dataType === undefined)
      throw new RangeError(`${name} has no data type: it cannot be written`)
    if (raw === undefined)
      throw new RangeError(`${value} does not fit the ${dataType ?? 'methods'} of ${name}`)
    const end = endOf(timeout, stop)
    if (call) return await this.#call(point, call, raw, methodFor(call, value) ?? node, end)
    const variant = variantOf(dataType ?? 'Double', raw)
    const asked = await this.#asker.ask(end, [node], async (session, [nodeId = '']) =>
      session.write({ nodeId, attributeId: VALUE, value: { value: variant } }),
    )
    if (asked.kind !== 'answered') return unanswered(asked)
    if (isDone(asked.answer)) return { kind: 'accepted' }
    const reason = `the server says ${asked.answer.name}`
    return { kind: isRefusal(asked.answer) ? 'rejected' : 'unknown', reason }
  }

  /** What the server says about itself, and how readings come from it. */
  async identify(timeout: Millis): Promise<Identity> {
    const end = endOf(timeout)
    const ids = Object.values(BUILD_INFO).map(id => ({ nodeId: `i=${id}`, attributeId: VALUE }))
    const asked = await this.#asker.ask(end, [], async session => {
      const { nodesPerRead } = await limitsOf(session)
      return await inParts(ids, nodesPerRead, part => session.read([...part], 0))
    })
    if (asked.kind !== 'answered') return { kind: 'failed', reason: asked.reason }
    const facts: Record<string, string> = {}
    for (const [index, key] of Object.keys(BUILD_INFO).entries()) {
      const text = asked.answer[index]?.value?.value
      // What a device says goes to a terminal: nothing in it may steer one.
      if (typeof text === 'string' && text !== '') facts[key] = text.replace(/\p{C}/gu, '?')
    }
    facts.readings = await this.watch(new Map()).describe(end)
    return { kind: 'identity', facts }
  }

  /**
   * Asks the server to tell of these points by itself; where it does not, `reader` reads each when it is asked for. There is one
   * watch a driver: the first call decides.
   */
  watch(wishes: ReadonlyMap<string, Wish>, reader: Pick<Driver, 'read'> = this): Watch {
    this.#watch ??= new Watch(reader, this.link, this.#points, wishes, this.#clock)
    return this.#watch
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]()
    await this.link[Symbol.asyncDispose]()
  }

  #point(name: string): OpcUaPoint {
    const point = this.#points.get(name)
    if (!point) throw new RangeError(`the device has no point ${name}`)
    return point
  }

  async #call(
    { node, dataType }: OpcUaPoint,
    call: Call,
    raw: number,
    method: NodeName,
    end: AbortSignal,
  ): Promise<WriteResult> {
    const inputArguments = call.arguments.map(argument =>
      argument === 'setpoint'
        ? variantOf(dataType ?? 'Double', raw)
        : variantOf(argument.dataType, argument.value),
    )
    const asked = await this.#asker.ask(
      end,
      [node, method],
      async (session, [objectId = '', methodId = '']) => session.call({ objectId, methodId, inputArguments }),
    )
    return asked.kind === 'answered' ? calledWith(asked.answer, call) : unanswered(asked)
  }
}

function unanswered(asked: { kind: 'unreachable' | 'unanswered' | 'refused'; reason: string }): WriteResult {
  const { reason } = asked
  if (asked.kind === 'refused') return { kind: 'rejected', reason }
  return { kind: asked.kind === 'unreachable' ? 'unreachable' : 'unknown', reason }
}

/** What the answer to a call says about it: its status, that of each argument, and the result that it has to give. */
function calledWith(answer: CallMethodResult, { result }: Call): WriteResult {
  const { statusCode } = answer
  if (!isDone(statusCode)) {
    const bad = (answer.inputArgumentResults ?? []).flatMap((status, at) =>
      isDone(status) ? [] : [`argument ${at}: ${status.name}`],
    )
    const reason = [`the server says ${statusCode.name}`, ...bad].join('; ')
    return { kind: isRefusal(statusCode) ? 'rejected' : 'unknown', reason }
  }
  if (!result) return { kind: 'accepted' }
  const given = answer.outputArguments?.[result.output]
  const said = given ? numberIn(given) : 'nothing'
  if (said === result.value) return { kind: 'accepted' }
  // A method that was carried out and says something else may have done half of it.
  return {
    kind: 'unknown',
    reason: `the method was called, and gave ${said} as output ${result.output} where ${result.value} says that it was done`,
  }
}
