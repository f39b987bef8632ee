import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  CallMethodResult,
  CallResponse,
  DataType,
  DataValue,
  type DataValueOptions,
  PublishResponse,
  ReadResponse,
  ServiceFault,
  StatusCode,
  StatusCodes,
  Variant,
  VariantArrayType,
  WriteResponse,
} from 'node-opcua-client'
import type { ReadResult, WriteResult } from '../../../drivers/driver.ts'
import type { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import type { Lie } from './server.ts'
import { CLEAR, connect, point, site } from './site.ts'

// A server that is trusted, on a channel that is as it should be, and that says what it should not. What it says in the right form
// and Good is its word; everything else is no value, and no success.

const DEADLINE = 400
const TRUE = 1234.5
const FALSE = 13
const call = { method: point('Valve.Move').node, arguments: ['setpoint'] as const }
const POINTS = new Map([
  ['in', point('Valve.In', { dataType: 'Double' })],
  ['any', point('Valve.In')],
  ['out', point('Valve.Out', { dataType: 'Double' })],
  ['move', point('Valve', { call, dataType: 'Double' })],
  ['sure', point('Valve', { call: { ...call, result: { output: 0, value: 0 } }, dataType: 'Double' })],
])

const good = { dataType: DataType.Double, value: FALSE }
const read = (...results: DataValueOptions[]) =>
  new ReadResponse({ results: results.map(one => new DataValue(one)) })
const unknownStatus = StatusCode.makeStatusCode(StatusCodes.Bad, 0x1234)

type Lies = Readonly<Record<string, (truth: Parameters<Lie>[0]) => NonNullable<ReturnType<Lie>>>>

const WRONG_READS: Lies = {
  'an answer to a write': () => ({ response: new WriteResponse({ results: [StatusCodes.Good] }) }),
  'an answer to a subscription': () => ({ response: new PublishResponse({}) }),
  'a fault that is Good': () => ({
    response: new ServiceFault({ responseHeader: { serviceResult: StatusCodes.Good } }),
  }),
  'a fault that nobody knows': () => ({
    response: new ServiceFault({ responseHeader: { serviceResult: unknownStatus } }),
  }),
  "another request's answer": () => ({ response: read({ value: good }), handle: 4711 }),
  'no results': () => ({ response: new ReadResponse({}) }),
  'an empty list of results': () => ({ response: read() }),
  'two results': () => ({ response: read({ value: good }, { value: good }) }),
  'a thousand results': () => ({ response: read(...Array.from({ length: 1000 }, () => ({ value: good }))) }),
  'a result without a value': () => ({ response: read({}) }),
  'a value of no type': () => ({ response: read({ value: { dataType: DataType.Null } }) }),
  'not a number': () => ({ response: read({ value: { dataType: DataType.Double, value: Number.NaN } }) }),
  infinity: () => ({
    response: read({ value: { dataType: DataType.Double, value: Number.NEGATIVE_INFINITY } }),
  }),
  'a list': () => ({
    response: read({
      value: { dataType: DataType.Double, arrayType: VariantArrayType.Array, value: [FALSE] },
    }),
  }),
  'an empty list': () => ({
    response: read({ value: { dataType: DataType.Double, arrayType: VariantArrayType.Array, value: [] } }),
  }),
  'a matrix': () => ({
    response: read({
      value: {
        dataType: DataType.Double,
        arrayType: VariantArrayType.Matrix,
        dimensions: [1, 1],
        value: [FALSE],
      },
    }),
  }),
  'a text': () => ({ response: read({ value: { dataType: DataType.String, value: '13' } }) }),
  'a time': () => ({ response: read({ value: { dataType: DataType.DateTime, value: new Date(FALSE) } }) }),
  'a value that is bad': () => ({
    response: read({ value: good, statusCode: StatusCodes.BadSensorFailure }),
  }),
  'a value that is uncertain': () => ({
    response: read({ value: good, statusCode: StatusCodes.UncertainLastUsableValue }),
  }),
  'a value with a status that nobody knows': () => ({
    response: read({ value: good, statusCode: unknownStatus }),
  }),
  'a value that was clamped': () => ({
    response: read({ value: good, statusCode: StatusCodes.GoodClamped }),
  }),
  'a good value in an answer that is bad': () => {
    const response = read({ value: good })
    response.responseHeader.serviceResult = StatusCodes.BadInternalError
    return { response }
  },
  'under a number that nobody asked by': () => ({
    response: read({ value: good }),
    requestId: own => own + 1000,
  }),
}

/** A no to a whole request, and nothing done. */
const tooMany = { responseHeader: { serviceResult: StatusCodes.BadTooManyOperations } }
const REFUSED_WRITES: Lies = {
  'a fault': () => ({ response: new ServiceFault(tooMany) }),
  'an answer without results': () => ({ response: new WriteResponse(tooMany) }),
  'an answer with an empty list of results': () => ({
    response: new WriteResponse({ ...tooMany, results: [] }),
  }),
}
const REFUSED_CALLS: Lies = {
  'a fault': () => ({ response: new ServiceFault(tooMany) }),
  'an answer without results': () => ({ response: new CallResponse(tooMany) }),
}
const REFUSED_READS: Lies = {
  'a fault': () => ({ response: new ServiceFault(tooMany) }),
  'an answer without results': () => ({ response: new ReadResponse(tooMany) }),
}

const WRONG_WRITES: Lies = {
  'too many operations, and done all the same': () => ({
    response: new WriteResponse({ ...tooMany, results: [StatusCodes.Good] }),
  }),
  'an answer to a read': () => ({ response: read({ value: good }) }),
  "another request's answer": truth => ({ response: truth, handle: 4711 }),
  'no results': () => ({ response: new WriteResponse({}) }),
  'two results': () => ({
    response: new WriteResponse({ results: [StatusCodes.Good, StatusCodes.BadNotWritable] }),
  }),
  'a status that nobody knows': () => ({ response: new WriteResponse({ results: [unknownStatus] }) }),
  'a value that was clamped': () => ({ response: new WriteResponse({ results: [StatusCodes.GoodClamped] }) }),
  'a fault that is Good': () => ({
    response: new ServiceFault({ responseHeader: { serviceResult: StatusCodes.Good } }),
  }),
  'under a number that nobody asked by': truth => ({ response: truth, requestId: own => own + 1000 }),
}

const done = (...outputArguments: Variant[]) =>
  new CallMethodResult({ statusCode: StatusCodes.Good, outputArguments })
const WRONG_CALLS: Lies = {
  'an answer to a write': () => ({ response: new WriteResponse({ results: [StatusCodes.Good] }) }),
  "another request's answer": truth => ({ response: truth, handle: 4711 }),
  'no results': () => ({ response: new CallResponse({}) }),
  'two results': () => ({ response: new CallResponse({ results: [done(), done()] }) }),
  'no output': () => ({ response: new CallResponse({ results: [done()] }) }),
  'an output of another kind': () => ({
    response: new CallResponse({ results: [done(new Variant({ dataType: DataType.String, value: '0' }))] }),
  }),
  'a list as output': () => ({
    response: new CallResponse({
      results: [
        done(new Variant({ dataType: DataType.Int32, arrayType: VariantArrayType.Array, value: [0] })),
      ],
    }),
  }),
  'not a number': () => ({
    response: new CallResponse({
      results: [done(new Variant({ dataType: DataType.Double, value: Number.NaN }))],
    }),
  }),
}

let plant: Awaited<ReturnType<typeof site>>
let driver: OpcUaDriver
const stray: unknown[] = []
const onStray = (error: unknown) => void stray.push(error)

/** A session, where one was given up because of what the server said. */
async function connected(): Promise<void> {
  while (!driver.link.isConnected) await new Promise(resolve => setImmediate(resolve))
}

/** Lies in the answers to one service, while something is asked. */
async function lying<Told>(service: string, lie: Lies[string], ask: () => Promise<Told>): Promise<Told> {
  await connected()
  plant.server.lie = (answer, request) => (request === service ? lie(answer) : undefined)
  const told = await ask()
  plant.server.lie = undefined
  return told
}

describe('a server that is trusted and says what it should not', () => {
  before(async () => {
    process.on('unhandledRejection', onStray).on('uncaughtException', onStray)
    plant = await site()
    plant.server.held.set('In', TRUE)
    driver = await connect({ ...plant.endpoint, securityMode: 'Sign' }, POINTS)
  })

  after(async () => {
    await driver[Symbol.asyncDispose]()
    await plant[Symbol.asyncDispose]()
    process.off('unhandledRejection', onStray).off('uncaughtException', onStray)
    assert.deepEqual(stray, [])
  })

  for (const [name, lie] of Object.entries(WRONG_READS)) {
    test(`${name} is no value, and the next one is`, async () => {
      for (const asked of ['in', 'any']) {
        const told = await lying('ReadRequest', lie, () => driver.read(asked, DEADLINE))
        assert.equal(told.kind, 'failed', JSON.stringify(told))
        assert.match(told.kind === 'failed' ? told.reason : '', CLEAR)
        await connected()
        const next = await driver.read(asked, 5000)
        assert.equal(next.kind === 'value' && next.value, TRUE, JSON.stringify(next))
      }
    })
  }

  test('what is said a second time, with another value, is the answer to nothing', async () => {
    const twice: Lies[string] = response => ({ response, again: read({ value: good }) })
    for (let turn = 0; turn < 5; turn += 1) {
      const told = await lying('ReadRequest', twice, () => driver.read('in', 5000))
      assert.equal(told.kind === 'value' && told.value, TRUE, JSON.stringify(told))
    }
  })

  for (const [service, refusals, ask] of [
    ['ReadRequest', REFUSED_READS, () => driver.read('in', DEADLINE)],
    ['WriteRequest', REFUSED_WRITES, () => driver.write('out', 7, DEADLINE)],
    ['CallRequest', REFUSED_CALLS, () => driver.write('move', 7, DEADLINE)],
  ] as const)
    for (const [name, lie] of Object.entries(refusals)) {
      test(`BadTooManyOperations to a ${service} of one, in ${name}, is a clear no, and it is not asked again`, async () => {
        let requests = 0
        const counted: Lies[string] = truth => {
          requests += 1
          return lie(truth)
        }
        assert.deepEqual(await lying<ReadResult | WriteResult>(service, counted, ask), {
          kind: service === 'ReadRequest' ? 'failed' : 'rejected',
          reason: 'the server says BadTooManyOperations',
        })
        assert.equal(requests, 1)
      })
    }

  for (const [name, lie] of Object.entries(WRONG_WRITES)) {
    test(`${name} is no success of a write, and it is not written again`, async () => {
      const before = plant.server.done.length
      const told = await lying('WriteRequest', lie, () => driver.write('out', 7, DEADLINE))
      assert.equal(told.kind, 'unknown', JSON.stringify(told))
      assert.match('reason' in told ? told.reason : '', CLEAR)
      await connected()
      assert.deepEqual(plant.server.done.slice(before), ['Out 7'])
    })
  }

  for (const [name, lie] of Object.entries(WRONG_CALLS)) {
    test(`${name} is no success of a call, and it is not called again`, async () => {
      const before = plant.server.done.length
      const told = await lying('CallRequest', lie, () => driver.write('sure', 7, DEADLINE))
      assert.equal(told.kind, 'unknown', JSON.stringify(told))
      assert.match('reason' in told ? told.reason : '', CLEAR)
      await connected()
      assert.deepEqual(plant.server.done.slice(before), ['Move 7'])
    })
  }
})
