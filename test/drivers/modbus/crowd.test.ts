import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { Dice } from '../dice.ts'
import { Connected, type PointText } from './connected.ts'
import { hasty } from './hasty-clock.ts'
import { type OddRequest, OddServer, registerDevice, reply } from './odd-server.ts'

const ROUNDS = 150
const DEADLINE = 40
const LATE = 55
/** Four reads may be out at once, and as many writes beside them. */
const IN_FLIGHT = 8

/** Far enough apart that no two of them are one request. */
const READ: Readonly<Record<string, PointText>> = {
  ...Object.fromEntries([0, 10, 20, 30, 40].map(at => [`register ${at}`, { holding_register: at }])),
  float: { holding_register: 50, type: 'float32', word_order: 'big' },
  coil: { coil: 5 },
}
const WRITTEN = [60, 70, 80]

/** What comes of the answers to requests that were out together. Their order is that in which they were asked. */
type Ruin = (answers: readonly Buffer[], socket: Socket, dice: Dice) => void

const send = (answers: readonly Buffer[], socket: Socket) => {
  for (const answer of answers) if (socket.writable) socket.write(answer)
}

/** Connections whose bytes are on their way in pieces: nothing comes between the pieces of a stream. */
const cutting = new WeakSet<Socket>()

function whenWhole(socket: Socket, act: () => void): void {
  if (cutting.has(socket)) setTimeout(() => whenWhole(socket, act), 1)
  else act()
}

function shuffled(answers: readonly Buffer[], dice: Dice): Buffer[] {
  const left = [...answers]
  return answers.flatMap(() => left.splice(dice.below(left.length), 1))
}

/** What must not be believed is also wrong, so that believing it shows. */
function spoiled(answer: Buffer, number: number): Buffer {
  const other = Buffer.from(answer)
  other.writeUInt16BE(number, 0)
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 0x55
  return other
}

const RUINS: Readonly<Record<string, Ruin>> = {
  truth: send,
  'in another order': (answers, socket, dice) => send(shuffled(answers, dice), socket),
  'in one piece': (answers, socket, dice) => send([Buffer.concat(shuffled(answers, dice))], socket),
  'cut anywhere': (answers, socket, dice) => {
    const bytes = Buffer.concat(shuffled(answers, dice))
    const cuts = [0, dice.below(bytes.length), dice.below(bytes.length), bytes.length].sort((a, b) => a - b)
    cutting.add(socket)
    for (const [index, from] of cuts.slice(0, -1).entries())
      setTimeout(() => send([bytes.subarray(from, cuts[index + 1])], socket), 2 * index)
    setTimeout(() => cutting.delete(socket), 2 * cuts.length)
  },
  'each twice': (answers, socket, dice) => send(shuffled([...answers, ...answers], dice), socket),
  'one never': (answers, socket, dice) => {
    const silent = dice.one(answers)
    send(
      answers.filter(answer => answer !== silent),
      socket,
    )
  },
  'one late': (answers, socket, dice) => {
    const late = dice.one(answers)
    send(
      answers.filter(answer => answer !== late),
      socket,
    )
    setTimeout(() => whenWhole(socket, () => send([late], socket)), LATE)
  },
  'one under a number that nobody asked with': (answers, socket, dice) => {
    const lost = dice.one(answers)
    const number = 40_000 + dice.below(20_000)
    send(
      answers.map(answer => (answer === lost ? spoiled(answer, number) : answer)),
      socket,
    )
  },
  'one under the number of one answered before': (answers, socket, dice) => {
    const [first = Buffer.alloc(9), ...others] = shuffled(answers, dice)
    send(
      [first, ...others.map((answer, at) => (at === 0 ? spoiled(answer, first.readUInt16BE(0)) : answer))],
      socket,
    )
  },
  // Of the same kind and length they could not be told from the truth: a number is all that tells them apart.
  'two of different kinds under each other’s number': (answers, socket) => {
    const [one] = answers
    const other = answers.find(answer => answer.length !== one?.length)
    if (!one || !other) return send(answers, socket)
    const [numberOfOne, numberOfOther] = [one.readUInt16BE(0), other.readUInt16BE(0)]
    one.writeUInt16BE(numberOfOther, 0)
    other.writeUInt16BE(numberOfOne, 0)
    send(answers, socket)
  },
  'some, and the end of the connection': (answers, socket, dice) => {
    send(answers.slice(0, dice.below(answers.length)), socket)
    socket.end()
  },
}

/** Holds the answers back until no more requests come, does what was asked at once, and ruins the answers then. */
class Crowd {
  readonly dice: Dice
  readonly registers = new Map<number, number>()
  /** Every write that was done, as `address value`. */
  readonly done = new Set<string>()
  readonly seen = new Set<string>()
  /** How many answers were held back at once, at most. */
  most = 0
  coil = 0
  isTrue = false
  readonly #device = registerDevice(this.registers)
  readonly #held = new Map<Socket, Buffer[]>()

  constructor(seed: number) {
    this.dice = new Dice(seed)
  }

  readonly answer = (request: OddRequest, socket: Socket): undefined => {
    const held = this.#held.get(socket) ?? []
    if (held.length === 0) setTimeout(() => whenWhole(socket, () => this.#release(socket)), 2)
    this.#held.set(socket, [...held, this.#answerTo(request)])
  }

  #answerTo(request: OddRequest): Buffer {
    if (request.pdu[0] === 1) return reply(request, [1, 1, this.coil])
    if (request.pdu[0] === 6) this.done.add(`${request.pdu.readUInt16BE(1)} ${request.pdu.readUInt16BE(3)}`)
    return this.#device(request)
  }

  #release(socket: Socket): void {
    const held = this.#held.get(socket) ?? []
    this.#held.delete(socket)
    this.most = Math.max(this.most, held.length)
    const name = this.isTrue ? 'truth' : this.dice.one(Object.keys(RUINS))
    this.seen.add(name)
    RUINS[name]?.(held, socket, this.dice)
  }

  /** Gives every point another value, and returns them. */
  change(): Readonly<Record<string, number>> {
    const { dice, registers } = this
    this.coil = dice.below(2)
    const float = Buffer.alloc(4)
    float.writeFloatBE(dice.below(0x10000) / 8 - 1000)
    registers.set(50, float.readUInt16BE(0)).set(51, float.readUInt16BE(2))
    for (const at of [0, 10, 20, 30, 40]) registers.set(at, dice.below(0x10000))
    const held = [0, 10, 20, 30, 40].map(at => [`register ${at}`, registers.get(at) ?? -1] as const)
    return { ...Object.fromEntries(held), float: float.readFloatBE(0), coil: this.coil }
  }
}

for (const seed of [1, 2, 3]) {
  test(`a device that mixes up the answers to many requests at once is never believed wrongly (seed ${seed})`, async () => {
    const device = new Crowd(seed)
    for (const at of WRITTEN) device.registers.set(at, 0)
    await using server = await OddServer.start(device.answer)
    const way = tcpWay({ host: '127.0.0.1', port: server.port })
    await using connected = await Connected.to(way, { timeout: DEADLINE, inFlight: IN_FLIGHT }, hasty)
    const written = Object.fromEntries(WRITTEN.map(at => [String(at), { holding_register: at }]))
    const driver = connected.driver({ ...READ, ...written })
    const kinds = new Map<string, number>()

    const askAll = async (round: number) => {
      await connected.connected(true)
      const truth = device.change()
      const reads = Object.keys(READ).map(async name => [name, await driver.read(name, DEADLINE)] as const)
      // No two rounds write the same, so that a write that lands late is not taken for another.
      const value = round + 1
      const writes = WRITTEN.map(async at => [at, await driver.write(String(at), value, DEADLINE)] as const)
      for (const [name, result] of await Promise.all(reads)) {
        if (result.kind === 'value') assert.equal(result.value, truth[name], `round ${round}, ${name}`)
        note(result)
      }
      for (const [at, result] of await Promise.all(writes)) {
        const isDone = device.done.has(`${at} ${value}`)
        if (result.kind === 'accepted') assert.ok(isDone, `round ${round}, register ${at}`)
        if (result.kind === 'unreachable' || result.kind === 'rejected')
          assert.ok(!isDone, `round ${round}, register ${at}`)
        note(result)
      }
    }
    const note = (result: { readonly kind: string; readonly reason?: string }) => {
      kinds.set(result.kind, (kinds.get(result.kind) ?? 0) + 1)
      if (result.reason !== undefined)
        assert.match(result.reason, /^(?!.*(?:undefined|\[object|\n)).{8,300}$/)
    }

    for (let round = 0; round < ROUNDS; round += 1) await askAll(round)
    // Nothing of it stays: once the device is sound, every point is read.
    device.isTrue = true
    const truth = device.change()
    for (const [name, value] of Object.entries(truth)) {
      let result = await driver.read(name, DEADLINE)
      while (result.kind !== 'value') {
        await connected.connected(true)
        result = await driver.read(name, DEADLINE)
      }
      assert.equal(result.value, value, name)
    }
    assert.deepEqual(
      [...device.seen].sort(),
      Object.keys(RUINS).sort(),
      'every way to mix answers up came up',
    )
    assert.ok(device.most > 4, `${device.most} requests were out at once`)
    for (const expected of ['value', 'failed', 'accepted', 'unknown'])
      assert.ok((kinds.get(expected) ?? 0) > 0, `${expected}: ${JSON.stringify([...kinds])}`)
  })
}
