import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import type { Way } from '../../../drivers/modbus/link.ts'
import { rtuOverTcpWay, tcpWay } from '../../../drivers/modbus/tcp.ts'
import { Dice } from '../dice.ts'
import { Connected } from './connected.ts'
import { hasty } from './hasty-clock.ts'
import { registerDevice } from './odd-server.ts'
import { withCheckSum } from './rtu-gateway.ts'

const ROUNDS = { tcp: 400, rtu: 200 }
const DEADLINE = 40
const LATE = 55

type Ruin = (frame: Buffer, socket: Socket, dice: Dice) => void

const pieces: Ruin = (frame, socket, dice) => {
  const at = 1 + dice.below(frame.length - 1)
  socket.write(frame.subarray(0, at))
  setTimeout(() => socket.writable && socket.write(frame.subarray(at)), 3)
}

/** What neither framing forgives, and what each has to put up with. */
const EVERYWHERE: Readonly<Record<string, Ruin>> = {
  truth: (frame, socket) => void socket.write(frame),
  pieces,
  silence: () => {},
  garbage: (_frame, socket, dice) => void socket.write(dice.bytes(1 + dice.below(300))),
  'end of the connection': (_frame, socket) => void socket.destroy(),
  'half an answer, and the end': (frame, socket) => void socket.end(frame.subarray(0, frame.length >> 1)),
  late: (frame, socket) => void setTimeout(() => socket.writable && socket.write(frame), LATE),
  twice: (frame, socket) => void socket.write(Buffer.concat([frame, frame])),
}

const TCP: Readonly<Record<string, Ruin>> = {
  ...EVERYWHERE,
  'another transaction': (frame, socket, dice) => {
    spoil(frame)
    frame.writeUInt16BE(40_000 + dice.below(20_000), 0)
    socket.write(frame)
  },
  'another protocol': (frame, socket, dice) => {
    spoil(frame)
    frame.writeUInt16BE(1 + dice.below(0xffff), 2)
    socket.write(frame)
  },
  'another unit': (frame, socket, dice) => {
    spoil(frame)
    frame.writeUInt8(2 + dice.below(250), 6)
    socket.write(frame)
  },
  'a length that lies': (frame, socket, dice) => {
    spoil(frame)
    frame.writeUInt16BE(dice.one([0, 1, 2, frame.length - 7, frame.length - 5, 255, 0xffff]), 4)
    socket.write(frame)
  },
  'another function': (frame, socket, dice) => {
    spoil(frame)
    frame.writeUInt8(((frame[7] ?? 0) + 1 + dice.below(126)) & 0x7f, 7)
    socket.write(frame)
  },
  'a PDU cut short': (frame, socket, dice) => {
    const pdu = frame.subarray(7, 7 + 1 + dice.below(Math.max(1, frame.length - 8)))
    socket.write(rewrapped(frame, pdu))
  },
  'a PDU that goes on': (frame, socket, dice) => {
    spoil(frame)
    socket.write(rewrapped(frame, Buffer.concat([frame.subarray(7), dice.bytes(1 + dice.below(20))])))
  },
  'a byte count that lies': (frame, socket, dice) => {
    spoil(frame)
    frame.writeUInt8(((frame[8] ?? 0) + 1 + dice.below(254)) & 0xff, 8)
    socket.write(frame)
  },
  exception: (frame, socket, dice) => {
    socket.write(rewrapped(frame, Buffer.from([(frame[7] ?? 0) | 0x80, dice.below(256)])))
  },
}

const RTU: Readonly<Record<string, Ruin>> = {
  ...EVERYWHERE,
  'noise before': (frame, socket, dice) =>
    void socket.write(Buffer.concat([dice.bytes(1 + dice.below(8)), frame])),
  'one bit turned': (frame, socket, dice) => {
    const at = dice.below(frame.length)
    frame[at] = (frame[at] ?? 0) ^ (1 << dice.below(8))
    socket.write(frame)
  },
  'cut short': (frame, socket, dice) => void socket.write(frame.subarray(0, dice.below(frame.length))),
  'another unit': (frame, socket, dice) => {
    const body = Buffer.from(frame.subarray(0, -2))
    spoil(body)
    body.writeUInt8(2 + dice.below(240), 0)
    socket.write(withCheckSum(body))
  },
  exception: (frame, socket, dice) => {
    socket.write(withCheckSum(Buffer.from([1, (frame[1] ?? 0) | 0x80, dice.below(256)])))
  },
}

/** What must not be believed is also wrong, so that believing it shows. */
function spoil(frame: Buffer): void {
  frame[frame.length - 1] = (frame.at(-1) ?? 0) ^ 0x55
}

function rewrapped(frame: Buffer, pdu: Buffer): Buffer {
  const header = Buffer.from(frame.subarray(0, 7))
  header.writeUInt16BE(pdu.length + 1, 4)
  return Buffer.concat([header, pdu])
}

/** A device that does what it is asked, and then ruins its answer. */
async function ruinedDevice(kind: 'tcp' | 'rtu', seed: number) {
  const dice = new Dice(seed)
  const registers = new Map(Array.from({ length: 40 }, (_, address) => [address, 1000 + address]))
  const answer = registerDevice(registers)
  const ruins = kind === 'tcp' ? TCP : RTU
  const seen = new Set<string>()
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (bytes: Buffer) => {
      // One request at a time, and requests are never cut on this machine.
      const frame =
        kind === 'tcp' ? bytes : Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0]), bytes.subarray(0, -2)])
      const said = answer({ frame, unit: frame[6] ?? 0, pdu: frame.subarray(7) })
      const name = dice.one(Object.keys(ruins))
      seen.add(name)
      ruins[name]?.(kind === 'tcp' ? said : withCheckSum(said.subarray(6)), socket, dice)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const endpoint = { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 }
  const way: Way = kind === 'tcp' ? tcpWay(endpoint) : rtuOverTcpWay(endpoint)
  return {
    way,
    registers,
    seen,
    dice,
    ruins: Object.keys(ruins),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

for (const [kind, seed] of [
  ['tcp', 1],
  ['tcp', 2],
  ['rtu', 3],
] as const) {
  test(`a device that ruins its answers over ${kind} is never believed wrongly, and each failure has one reason (seed ${seed})`, async () => {
    await using device = await ruinedDevice(kind, seed)
    await using connected = await Connected.to(device.way, { timeout: DEADLINE }, hasty)
    const driver = connected.driver(
      Object.fromEntries(Array.from({ length: 40 }, (_, at) => [String(at), { holding_register: at }])),
    )
    const kinds = new Map<string, number>()
    for (let round = 0; round < ROUNDS[kind]; round += 1) {
      while (!('start' in connected.link.line)) await new Promise(resolve => setImmediate(resolve))
      const address = device.dice.below(40)
      const before = device.registers.get(address)
      const value = device.dice.below(0x10000)
      const result =
        device.dice.below(3) === 0
          ? await driver.write(String(address), value, DEADLINE)
          : await driver.read(String(address), DEADLINE)
      // Nothing was asked: what is owed from the round before is waited out, and then the round begins.
      if ('reason' in result && result.reason.includes('owes an answer')) {
        await new Promise(resolve => setTimeout(resolve, DEADLINE / 4))
        round -= 1
        continue
      }
      kinds.set(result.kind, (kinds.get(result.kind) ?? 0) + 1)
      switch (result.kind) {
        case 'value':
          assert.equal(result.value, before, `round ${round}`)
          break
        case 'accepted':
          assert.equal(device.registers.get(address), value, `round ${round}`)
          break
        case 'unreachable':
          assert.equal(device.registers.get(address), before, `round ${round}`)
          break
        case 'rejected':
        case 'unknown':
        case 'failed':
          break
      }
      if ('reason' in result) assert.match(result.reason, /^(?!.*(?:undefined|\[object|\n)).{8,300}$/)
    }
    assert.deepEqual([...device.seen].sort(), device.ruins.sort(), 'every way to ruin an answer came up')
    for (const expected of ['value', 'accepted', 'failed', 'unknown'])
      assert.ok((kinds.get(expected) ?? 0) > 0, `${expected}: ${JSON.stringify([...kinds])}`)
  })
}
