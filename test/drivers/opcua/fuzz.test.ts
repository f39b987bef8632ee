import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DataValue } from 'node-opcua-client'
import { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import { OpcUaLink } from '../../../drivers/opcua/link.ts'
import { valueIn } from '../../../drivers/opcua/value.ts'
import { effort } from '../../fuzz/effort.ts'
import { TcpGate } from '../../tcp-gate.ts'
import { Dice } from '../dice.ts'
import { hasty } from './hasty-clock.ts'
import { CLEAR, POINTS, point, site } from './site.ts'

/** Each way to spoil a message comes four times, twice signed and twice encrypted. */
const { numRuns: ROUNDS, seed: SEED } = effort(68 / 5000)
const DEADLINE = 400

type Ruin = (frame: Buffer, to: Socket, dice: Dice) => void

/** A copy with its length field (bytes 4 to 7, least significant first: OPC 10000-6 §7.1.2.2) saying something else. */
function withLength(frame: Buffer, length: number): Buffer {
  const other = Buffer.from(frame)
  other.writeUInt32LE(length, 4)
  return other
}

function withType(frame: Buffer, type: string): Buffer {
  const other = Buffer.from(frame)
  other.write(type, 0, 'latin1')
  return other
}

const RUINS: Readonly<Record<string, Ruin>> = {
  garbage: (_frame, to, dice) => void to.write(dice.bytes(1 + dice.below(2000))),
  'a flipped bit': (frame, to, dice) => {
    const other = Buffer.from(frame)
    const at = dice.below(other.length)
    other[at] = (other[at] ?? 0) ^ (1 << dice.below(8))
    to.write(other)
  },
  'flipped bytes in its body': (frame, to, dice) => {
    const other = Buffer.from(frame)
    dice.bytes(8).copy(other, Math.min(other.length - 1, 8 + dice.below(other.length)))
    to.write(other)
  },
  short: (frame, to, dice) => void to.write(frame.subarray(0, dice.below(frame.length))),
  'short, and the end': (frame, to, dice) => void to.end(frame.subarray(0, dice.below(frame.length))),
  'cut, with a length that fits': (frame, to, dice) => {
    const length = 8 + dice.below(Math.max(1, frame.length - 8))
    to.write(withLength(frame, length).subarray(0, length))
  },
  'a length of four gigabytes': (frame, to) => void to.write(withLength(frame, 0xffff_ffff)),
  'a length of nothing': (frame, to) => void to.write(withLength(frame, 0)),
  oversized: (frame, to, dice) => {
    const filler = dice.bytes(200_000)
    to.write(withLength(Buffer.concat([frame, filler]), frame.length + filler.length))
  },
  'chunks without end': (frame, to) => {
    for (let count = 0; count < 300; count += 1) to.write(withType(frame, 'MSGC'))
  },
  'an error': (_frame, to, dice) => {
    const body = Buffer.from('ERRF\0\0\0\0\0\0\0\x80\x05\0\0\0hello', 'latin1')
    dice.bytes(2).copy(body, 10)
    body[11] = (body[11] ?? 0) | 0x80
    to.write(withLength(body, body.length))
  },
  'an error whose text has no end': (_frame, to) =>
    void to.write(withLength(Buffer.from('ERRF\0\0\0\0\0\0\0\x80\xff\xff\xff\x7fhi', 'latin1'), 18)),
  'another type of message': (frame, to, dice) =>
    void to.write(withType(frame, ['HELF', 'ACKF', 'OPNF', 'CLOF', 'RHEF', 'XXXX'][dice.below(6)] ?? 'HELF')),
  twice: (frame, to) => void to.write(Buffer.concat([frame, frame])),
  'in pieces': (frame, to) => {
    for (const byte of frame) to.write(Buffer.from([byte]))
  },
  silence: () => {},
  'the end of the connection': (_frame, to) => void to.destroy(),
}

/** Stands before a server and spoils one of its messages: the one with this number, counted over all connections. */
class Spoiler extends TcpGate {
  #ruin: Ruin = (frame, to) => void to.write(frame)
  #dice = new Dice(0)
  #at = 0
  #count = 0

  constructor(target: number) {
    super(target, inside => {
      let rest = Buffer.alloc(0)
      return {
        answered: bytes => {
          rest = Buffer.concat([rest, bytes])
          while (rest.length >= 8 && rest.length >= rest.readUInt32LE(4)) {
            const frame = rest.subarray(0, rest.readUInt32LE(4))
            rest = rest.subarray(frame.length)
            if (inside.writable) this.#pass(frame, inside)
          }
        },
      }
    })
  }

  spoil(ruin: Ruin, at: number, dice: Dice): void {
    this.#ruin = ruin
    this.#at = at
    this.#dice = dice
    this.#count = 0
  }

  #pass(frame: Buffer, to: Socket): void {
    if (this.#count++ === this.#at) this.#ruin(frame, to, this.#dice)
    else to.write(frame)
  }
}

// Each round is a connection with keys and certificates: half a second alone, several on a busy machine.
test(`${ROUNDS} spoiled messages of a server, signed or encrypted: no crash, no value that it does not hold, one clear reason each`, {
  timeout: 300_000,
}, async () => {
  const stray: unknown[] = []
  const onStray = (error: unknown) => void stray.push(error)
  process.on('unhandledRejection', onStray).on('uncaughtException', onStray)
  await using plant = await site()
  await using spoiler = new Spoiler(plant.server.port)
  await spoiler.open()
  const url = `opc.tcp://127.0.0.1:${spoiler.port}`
  const ruins = Object.entries(RUINS)
  let failures = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const dice = new Dice(SEED + round)
    const [name, ruin] = ruins[round % ruins.length] ?? assert.fail()
    // A session is open after about nine messages; what comes then answers reads, writes and the subscription.
    const at = dice.below(18)
    spoiler.spoil(ruin, at, dice)
    const securityMode = Math.floor(round / ruins.length) % 2 === 0 ? 'Sign' : 'SignAndEncrypt'
    const where = `seed ${SEED}, round ${round}: ${name}, message ${at}, ${securityMode}`
    plant.server.held.set('In', round)
    const link = new OpcUaLink({ ...plant.endpoint, url, securityMode }, DEADLINE, hasty, () => 0)
    await using driver = new OpcUaDriver(link, POINTS, hasty)
    await link.attempted
    const watch = driver.watch(new Map([['in', { every: 50, staleAfter: 1000 }]]))
    for (let turn = 0; turn < 4; turn += 1) {
      const before = plant.server.done.length
      const [read, told] = await Promise.all([driver.read('in', DEADLINE), watch.read('in', DEADLINE)])
      for (const reading of [read, told]) {
        if (reading.kind === 'value') assert.equal(reading.value, round, where)
        else {
          failures += 1
          assert.match(reading.reason, CLEAR, where)
        }
      }
      const written = await driver.write('out', round, DEADLINE)
      const done = plant.server.done.length - before
      if (written.kind === 'accepted') assert.equal(done, 1, where)
      else {
        assert.match(written.reason, CLEAR, where)
        assert.ok(
          done <= (written.kind === 'unknown' ? 1 : 0),
          `${where}: ${JSON.stringify(written)} and done`,
        )
      }
    }
  }
  process.off('unhandledRejection', onStray).off('uncaughtException', onStray)
  assert.deepEqual(stray, [])
  assert.ok(failures > ROUNDS / 2, 'what was spoiled was noticed')
})

test('whatever is in the answer of a server, it is a finite number of the declared kind, or a reason', () => {
  const inDouble = point('Valve.In', { dataType: 'Double' })
  const status = fc.record({ value: fc.oneof(fc.constant(0), fc.integer()), name: fc.string() })
  const variant = fc.record({
    dataType: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant(11)),
    arrayType: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 })),
    value: fc.anything(),
  })
  fc.assert(
    fc.property(fc.record({ statusCode: status, value: variant }), answer => {
      const good = (answer.statusCode.value & 0xffff_0000) === 0
      for (const asked of [inDouble, point('Valve.In')]) {
        const found = valueIn(asked, answer as unknown as DataValue)
        if (typeof found === 'number') assert.ok(good && Number.isFinite(found))
      }
      if (!good || answer.value.dataType !== 11)
        assert.equal(typeof valueIn(inDouble, answer as unknown as DataValue), 'string')
    }),
    { seed: 62541, numRuns: 5000 },
  )
})
