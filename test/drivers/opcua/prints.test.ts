import assert from 'node:assert/strict'
import console from 'node:console'
import { test } from 'node:test'
import {
  CallMethodResult,
  CallResponse,
  DataType,
  DataValue,
  ReadResponse,
  ServiceFault,
  StatusCode,
  WriteResponse,
} from 'node-opcua-client'
import { errorOutputOf } from '../../error-output.ts'
import { CLEAR, connect, site } from './site.ts'

const DEADLINE = 5000

/** A status code that no specification has. */
class Unknown extends StatusCode {
  readonly #value: number
  constructor(value: number) {
    super()
    this.#value = value
  }
  override get value(): number {
    return this.#value
  }
  override get name(): string {
    return 'Unknown'
  }
  override get description(): string {
    return ''
  }
}

/** 0x8fff0000 and the like: bad, uncertain and good ones, and of the fourth kind that there is not. */
const CODES = Array.from(
  { length: 64 },
  (_, at) => new Unknown((((at % 4) << 30) | 0x0f00_0000 | (at << 16)) >>> 0),
)

test('a server that answers everything with status codes that nobody knows prints nothing, and each is a clear no', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const value = { dataType: DataType.Double, value: 13 }
  const said = await errorOutputOf(async () => {
    for (const statusCode of CODES) {
      plant.server.lie = (_truth, request) => {
        if (request === 'ReadRequest')
          return { response: new ReadResponse({ results: [new DataValue({ value, statusCode })] }) }
        if (request === 'WriteRequest') return { response: new WriteResponse({ results: [statusCode] }) }
        if (request === 'CallRequest')
          return { response: new CallResponse({ results: [new CallMethodResult({ statusCode })] }) }
        return undefined
      }
      const read = await driver.read('in', DEADLINE)
      assert.equal(read.kind, 'failed', statusCode.value.toString(16))
      assert.match('reason' in read ? read.reason : '', CLEAR)
      for (const name of ['out', 'move']) {
        const written = await driver.write(name, 1, DEADLINE)
        assert.equal(written.kind, 'unknown', `${name} ${statusCode.value.toString(16)}`)
      }
      plant.server.lie = () => ({
        response: new ServiceFault({ responseHeader: { serviceResult: statusCode } }),
      })
      assert.equal((await driver.read('in', DEADLINE)).kind, 'failed')
      plant.server.lie = undefined
    }
  })
  assert.equal(said, '')
})

test('what anybody else prints is printed as before, once the library is loaded', async () => {
  await using plant = await site()
  await using _driver = await connect(plant.endpoint)
  const said = await errorOutputOf(async () => {
    console.warn('one %s', 'word')
    console.error('another')
  })
  assert.equal(said, 'one word\nanother\n')
})
