import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import { OpcUaLink } from '../../../drivers/opcua/link.ts'
import { effort } from '../../fuzz/effort.ts'
import { Dice } from '../dice.ts'
import { hasty } from './hasty-clock.ts'
import type { Answer } from './server.ts'
import { CLEAR, POINTS, point, site } from './site.ts'

const { numRuns: GARBLED, seed: SEED } = effort(25 / 5000)
const DEADLINE = 400
/** What the sensor shows, and its bytes: to garble these would be to say another value, rightly. */
const SHOWN = 1234.5
const SHOWN_BYTES = Buffer.from(new Float64Array([SHOWN]).buffer)

/** Where the library encodes to; it has no bytes while it only counts them. */
interface Stream {
  readonly length: number
  readonly buffer?: Buffer
}

interface Encoded {
  encode(stream: Stream): void
}

/** An answer with some of its bytes changed, before it is secured: but for those of the value. */
function garbled(answer: Answer & Encoded, dice: Dice): Answer {
  const changes = Array.from(
    { length: 1 + dice.below(4) },
    () => [dice.below(1 << 15), 1 + dice.below(255)] as const,
  )
  const encode = (stream: Stream) => {
    const from = stream.length
    answer.encode(stream)
    // It is encoded twice: the first time only to know how long it is.
    const body = stream.buffer?.subarray(from, stream.length)
    const kept = body?.indexOf(SHOWN_BYTES) ?? -1
    for (const [draw, bits] of body ? changes : []) {
      const at = draw % (body?.length ?? 1)
      if (body && (kept < 0 || at < kept || at >= kept + SHOWN_BYTES.length))
        body[at] = (body[at] ?? 0) ^ bits
    }
  }
  return Object.assign(Object.create(answer) as Answer, { encode })
}

const SERVICES = ['Read', 'Write', 'Call', 'Publish', 'CreateSubscription', 'CreateMonitoredItems'] as const

for (const securityMode of ['Sign', 'SignAndEncrypt'] as const) {
  test(`${GARBLED} garbled answers on a session, rightly secured (${securityMode}): no other value, nothing done twice, a clear reason each`, {
    timeout: 300_000,
  }, async () => {
    await using plant = await site()
    plant.server.held.set('In', SHOWN)
    const points = new Map([...POINTS, ['in', point('Valve.In', { dataType: 'Double' })] as const])
    let failures = 0
    for (let round = 0; round < GARBLED; round += 1) {
      const dice = new Dice(SEED + round)
      const service = SERVICES[round % SERVICES.length] ?? assert.fail()
      const where = `seed ${SEED}, round ${round}: ${service}, ${securityMode}`
      const link = new OpcUaLink({ ...plant.endpoint, securityMode }, DEADLINE, hasty, () => 0)
      await using driver = new OpcUaDriver(link, points, hasty)
      await link.attempted
      plant.server.lie = (answer, request) =>
        request === `${service}Request` ? { response: garbled(answer as Answer & Encoded, dice) } : undefined
      const watch = driver.watch(new Map([['in', { every: 50, staleAfter: 1000 }]]))
      for (let turn = 0; turn < 3; turn += 1) {
        for (const reading of await Promise.all([driver.read('in', DEADLINE), watch.read('in', DEADLINE)])) {
          if (reading.kind === 'value') assert.equal(reading.value, SHOWN, where)
          else assert.match(reading.reason, CLEAR, where)
          failures += reading.kind === 'value' ? 0 : 1
        }
        for (const [name, said] of [
          ['out', `Out ${round}`],
          ['move', `Move ${round}`],
        ] as const) {
          const before = plant.server.done.length
          const written = await driver.write(name, round, DEADLINE)
          const done = plant.server.done.slice(before)
          if (written.kind === 'accepted') assert.deepEqual(done, [said], where)
          else assert.match(written.reason, CLEAR, where)
          assert.ok(done.length <= 1, `${where}: ${done}`)
          failures += written.kind === 'accepted' ? 0 : 1
        }
      }
      plant.server.lie = undefined
    }
    assert.ok(failures > GARBLED, `${failures} failures: what was garbled was noticed`)
  })
}
