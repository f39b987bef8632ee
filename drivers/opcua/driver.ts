import type { ClientSession, DataValue, Variant } from 'node-opcua-client'
import type { Clock, MonotonicMs } from '../../model/time.ts'
import type { Driver, ReadResult, WriteResult } from '../driver.ts'
import type { Identity } from '../modbus/identity.ts'
import type { Connection, OpcUaLink } from './link.ts'
import { decodeRaw, encodeRaw, formatNodeName, type NodeName, type OpcUaPoint } from './point.ts'

/** AttributeIds.Value, and the built-in types by their numbers (OPC 10000-6 §5.1.2): the library need not be loaded for them. */
const VALUE = 13
const SCALAR = 0
const TYPES = {
  Boolean: 1,
  SByte: 2,
  Byte: 3,
  Int16: 4,
  UInt16: 5,
  Int32: 6,
  UInt32: 7,
  Int64: 8,
  UInt64: 9,
  Float: 10,
  Double: 11,
} as const

/** Status codes that say that nothing was done. The others that are bad leave open what was. */
const REFUSING: ReadonlySet<string> = new Set([
  'BadNotWritable',
  'BadWriteNotSupported',
  'BadUserAccessDenied',
  'BadTypeMismatch',
  'BadOutOfRange',
  'BadNodeIdUnknown',
  'BadNodeIdInvalid',
  'BadAttributeIdInvalid',
  'BadMethodInvalid',
  'BadNotExecutable',
  'BadArgumentsMissing',
  'BadTooManyArguments',
  'BadInvalidArgument',
  'BadSecurityModeInsufficient',
  'BadNotSupported',
  'BadNotImplemented',
  'BadInvalidState',
  'BadLocked',
])

/** BuildInfo of the server (OPC 10000-5 §12.4), in namespace 0. */
const BUILD_INFO = { vendor: 2263, product_name: 2261, product_code: 2262, revision: 2264 } as const

type Asked<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly sent: MonotonicMs }
  | { readonly kind: 'unreachable' | 'unanswered'; readonly reason: string }

/** OPC UA over one session. Reads ask the server for a fresh value each time; a value that is not good is none. */
export class OpcUaDriver implements Driver {
  readonly link: OpcUaLink
  readonly #points: ReadonlyMap<string, OpcUaPoint>
  readonly #clock: Clock
  #lastAnswered: MonotonicMs = 0

  constructor(link: OpcUaLink, points: ReadonlyMap<string, OpcUaPoint>, clock: Clock) {
    this.link = link
    this.#points = points
    this.#clock = clock
  }

  async read(name: string, signal: AbortSignal): Promise<ReadResult> {
    const point = this.#point(name)
    if (point.method) throw new RangeError(`${name} is a method: it has no value`)
    // The greatest age of 0 asks the server to get the value from its source (OPC 10000-4 §5.11.2).
    const asked = await this.#ask(signal, [point.node], (session, [nodeId = '']) =>
      session.read({ nodeId, attributeId: VALUE }, 0),
    )
    if (asked.kind !== 'answered') return { kind: 'failed', reason: asked.reason }
    const { statusCode, value } = asked.answer as DataValue
    if (statusCode.value !== 0) return { kind: 'failed', reason: `the server says ${statusCode.name}` }
    const raw = numberIn(value)
    return typeof raw === 'string'
      ? { kind: 'failed', reason: raw }
      : { kind: 'value', value: decodeRaw(point, raw), age: this.#clock.monotonic() - asked.sent }
  }

  async write(name: string, value: number, signal: AbortSignal): Promise<WriteResult> {
    const point = this.#point(name)
    const { node, method, dataType } = point
    const raw = encodeRaw(point, value)
    if (dataType === undefined) throw new RangeError(`${name} has no data type: it cannot be written`)
    if (raw === undefined) throw new RangeError(`${value} does not fit the ${dataType} of ${name}`)
    const variant = { dataType: TYPES[dataType], arrayType: SCALAR, value: rawFor(dataType, raw) }
    const asked = await this.#ask(
      signal,
      method ? [node, method] : [node],
      async (session, [id = '', call]) =>
        call === undefined
          ? await session.write({ nodeId: id, attributeId: VALUE, value: { value: variant } })
          : (await session.call({ objectId: id, methodId: call, inputArguments: [variant] })).statusCode,
    )
    switch (asked.kind) {
      case 'answered': {
        const { name: status, value: code } = asked.answer
        if (code === 0) return { kind: 'accepted' }
        const reason = `the server says ${status}`
        return { kind: REFUSING.has(status) ? 'rejected' : 'unknown', reason }
      }
      case 'unreachable':
        return { kind: 'unreachable', reason: asked.reason }
      case 'unanswered':
        return { kind: 'unknown', reason: asked.reason }
    }
  }

  /** What the server says about itself. */
  async identify(signal: AbortSignal): Promise<Identity> {
    const ids = Object.values(BUILD_INFO).map(id => ({ nodeId: `i=${id}`, attributeId: VALUE }))
    const asked = await this.#ask(signal, [], session => session.read(ids, 0))
    if (asked.kind !== 'answered') return { kind: 'failed', reason: asked.reason }
    const facts: Record<string, string> = {}
    for (const [index, key] of Object.keys(BUILD_INFO).entries()) {
      const text = (asked.answer as DataValue[])[index]?.value?.value
      // What a device says goes to a terminal: nothing in it may steer one.
      if (typeof text === 'string' && text !== '') facts[key] = text.replace(/\p{C}/gu, '?')
    }
    return { kind: 'identity', facts }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link[Symbol.asyncDispose]()
  }

  #point(name: string): OpcUaPoint {
    const point = this.#points.get(name)
    if (!point) throw new RangeError(`the device has no point ${name}`)
    return point
  }

  /** Sends one request, once, and waits for its answer, the session's end or the signal, whichever comes first. */
  async #ask<Answer>(
    signal: AbortSignal,
    nodes: readonly NodeName[],
    send: (session: ClientSession, ids: readonly string[]) => Promise<Answer>,
  ): Promise<Asked<Answer>> {
    const { connection } = this.link
    if ('trouble' in connection) return { kind: 'unreachable', reason: connection.trouble }
    if (signal.aborted) return { kind: 'unreachable', reason: 'given up before it was sent' }
    const ids: string[] = []
    for (const node of nodes) {
      const index = connection.namespaces.indexOf(node.namespace)
      if (index < 0)
        return { kind: 'unreachable', reason: `the server has no namespace of ${formatNodeName(node)}` }
      ids.push(`ns=${index};${node.identifier}`)
    }
    const sent = this.#clock.monotonic()
    const answered = send(connection.session, ids).then(
      (answer): Asked<Answer> => {
        this.#lastAnswered = this.#clock.monotonic()
        return { kind: 'answered', answer, sent }
      },
      (error: Error): Asked<Answer> => ({
        kind: 'unanswered',
        reason: `no clear answer: ${error.message.split('\n')[0]}`,
      }),
    )
    const gone = Promise.withResolvers<'lost' | 'given-up'>()
    const onLost = () => gone.resolve('lost')
    const onAbort = () => gone.resolve('given-up')
    connection.lost.addEventListener('abort', onLost)
    signal.addEventListener('abort', onAbort)
    try {
      const first = await Promise.race([answered, gone.promise])
      if (first === 'lost')
        return { kind: 'unanswered', reason: 'the connection was lost before the answer came' }
      if (first === 'given-up') return this.#givenUp(connection, sent, signal)
      return first
    } finally {
      connection.lost.removeEventListener('abort', onLost)
      signal.removeEventListener('abort', onAbort)
    }
  }

  #givenUp<Answer>(connection: Connection, sent: MonotonicMs, signal: AbortSignal): Asked<Answer> {
    // To be overruled is no fault of the server's; a deadline that passed is.
    if ((signal.reason as Error | undefined)?.name !== 'TimeoutError')
      return { kind: 'unanswered', reason: 'given up before the answer came' }
    const reason = 'the server did not answer in time'
    if (this.#lastAnswered <= sent) this.link.renew(connection, reason)
    return { kind: 'unanswered', reason }
  }
}

/** 64-bit numbers are two of 32 to the library. */
function rawFor(dataType: string, raw: number): number | boolean | [number, number] {
  if (dataType === 'Boolean') return raw === 1
  if (dataType !== 'Int64' && dataType !== 'UInt64') return raw
  const bits = BigInt.asUintN(64, BigInt(raw))
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)]
}

/** The number in a variant; or, as text, why it is none that can be told. */
function numberIn(variant: Variant): number | string {
  const { dataType, arrayType, value } = variant
  if (arrayType !== SCALAR) return 'the server holds several values there, and not one'
  if (typeof value === 'boolean') return Number(value)
  if ((dataType === TYPES.Int64 || dataType === TYPES.UInt64) && Array.isArray(value) && value.length === 2) {
    const bits = (BigInt(value[0] >>> 0) << 32n) | BigInt(value[1] >>> 0)
    const whole = dataType === TYPES.Int64 ? BigInt.asIntN(64, bits) : bits
    if (whole > Number.MAX_SAFE_INTEGER || whole < Number.MIN_SAFE_INTEGER)
      return `the server holds ${whole}, which is beyond 2^53: it cannot be told exactly`
    return Number(whole)
  }
  if (typeof value !== 'number') return 'the server holds something that is no number'
  return Number.isFinite(value) ? value : `the server holds ${value}, which is no value`
}
