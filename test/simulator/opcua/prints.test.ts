import assert from 'node:assert/strict'
import console from 'node:console'
import { test } from 'node:test'
import { errorOutputOf } from '../../error-output.ts'
import { startOpcUaPlant } from './opcua-plant.ts'
import { Thrower } from './thrower.ts'
import { compose } from './thrown-requests.ts'

const WITH_STATUS = 0x02
const BAD_WRITE_NOT_SUPPORTED = '80730000'

test('a client that writes values with status codes that nobody knows prints nothing, and moves nothing', async () => {
  await using plant = await startOpcUaPlant({ security_policies: ['None'], anonymous: true })
  await using thrower = new Thrower(plant, 'none')
  await thrower.ask({ do: 'open', user: null })
  const landed: unknown[] = []
  plant.plant.onWrite(write => landed.push(write))
  const body = await compose(thrower, 'write a number')
  // A mask (value), the type of the value, its eight bytes: the status goes behind them.
  const mask = body.length - 10
  const said = await errorOutputOf(async () => {
    for (let code = 0; code < 64; code += 1) {
      const status = Buffer.alloc(4)
      status.writeUInt32LE((((code % 4) << 30) | 0x0f00_0000 | (code << 16)) >>> 0)
      const request = Buffer.concat([body, status])
      request[mask] = (request[mask] ?? 0) | WITH_STATUS
      const { answers, end } = await thrower.throw(request.toString('hex'))
      assert.equal(end, 'open')
      assert.deepEqual(answers.find(({ to }) => to === 'thrown')?.results, [BAD_WRITE_NOT_SUPPORTED])
    }
    console.warn('a word of the test')
  })
  assert.equal(said, 'a word of the test\n')
  assert.deepEqual(landed, [])
})
