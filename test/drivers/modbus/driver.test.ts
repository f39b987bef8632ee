import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { ModbusDriver } from '../../../drivers/modbus/driver.ts'
import { ModbusLink } from '../../../drivers/modbus/link.ts'
import type { ModbusPoint } from '../../../drivers/modbus/point.ts'
import { type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { type DriverRig, describeDriver } from '../driver.contract.ts'

const PLANT: PlantFile = {
  plant: 'contract',
  plc: {
    scan_cycle: '10ms',
    modbus: {
      host: '127.0.0.1',
      port: 0,
      unit: 1,
      coils: [{ address: 0 }, { address: 1, signal: 'pump.command' }],
      discrete_inputs: [{ address: 0, signal: 'pump.running' }],
      holding_registers: [{ address: 0 }],
      input_registers: [],
    },
  },
  elements: {
    pump: { kind: 'pump', cools: 'loop', spin_up: '10ms' },
    loop: {
      kind: 'cooling-loop',
      thermal_mass_kj_per_k: 200,
      heat_load_kw: 25,
      ambient_c: 18,
      cooling_kw_per_k: 1.5,
      loss_kw_per_k: 0.2,
      initial_temperature_c: 32,
    },
  },
}

async function modbusRig(table: 'coil' | 'holding-register'): Promise<DriverRig> {
  const clock = new VirtualClock()
  const plant = await startPlant({ plant: PLANT }, { clock, port: 0 })
  const link = new ModbusLink({ ...plant.address, unit: 1 }, systemClock, () => 0)
  await link.attempted
  const points = new Map<string, ModbusPoint>([
    ['out', { table, address: 0 }],
    ['in', { table: 'discrete-input', address: 0 }],
  ])
  const driver = new ModbusDriver(link, points)
  // The input is a sensor of the plant: the pump is what makes it show anything.
  const pump = new ModbusDriver(link, new Map([['pump', { table: 'coil', address: 1 }]]))
  const connected = async (wanted: boolean): Promise<void> => {
    while ('modbus' in link.connection !== wanted) await new Promise(resolve => setImmediate(resolve))
  }
  return {
    driver,
    holds: point => {
      if (point === 'in') return Number(plant.image.discreteInput(0))
      return Number(table === 'coil' ? plant.image.coil(0) : plant.image.holdingRegister(0))
    },
    setInput: async value => {
      await pump.write('pump', value, AbortSignal.timeout(5000))
      await clock.advance(1000)
    },
    silence: () => plant.faults.set({ kind: 'silent', effect: 'done' }),
    reject: () => plant.faults.set({ kind: 'exception', code: 2 }),
    unplug: async () => {
      await plant.faults.set({ kind: 'dropped-link' })
      await connected(false)
    },
    heal: async () => {
      await plant.faults.clear()
      await connected(true)
    },
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]()
      await plant[Symbol.asyncDispose]()
    },
  }
}

describeDriver('Modbus TCP, a coil', () => modbusRig('coil'))
describeDriver('Modbus TCP, a holding register', () => modbusRig('holding-register'))

/** A server that answers each request with what `answer` makes of it. */
async function oddServer(answer: (request: Buffer) => Buffer | undefined) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (request: Buffer) => {
      const reply = answer(request)
      if (reply) socket.write(reply)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const link = new ModbusLink({ host: '127.0.0.1', port, unit: 1 }, systemClock, () => 0)
  await link.attempted
  const points = new Map<string, ModbusPoint>([
    ['out', { table: 'coil', address: 0 }],
    ['register', { table: 'holding-register', address: 3 }],
  ])
  const driver = new ModbusDriver(link, points)
  return {
    driver,
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]()
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

test('a device that confirms another value, or another address, has not confirmed this write', async () => {
  for (const [offset, byte] of [
    [10, 0x00],
    [9, 0x05],
  ] as const) {
    await using odd = await oddServer(request => {
      const echo = Buffer.from(request)
      echo[offset] = byte
      return echo
    })
    const result = await odd.driver.write('out', 1, AbortSignal.timeout(2000))
    assert.equal(result.kind, 'unknown')
    assert.match(result.kind === 'unknown' ? result.reason : '', /confirmed another write/)
  }
})

for (const [code, kind] of [
  [1, 'rejected'],
  [2, 'rejected'],
  [3, 'rejected'],
  [4, 'unknown'],
  [5, 'unknown'],
  [6, 'rejected'],
  [8, 'unknown'],
  [10, 'rejected'],
  [11, 'unknown'],
] as const) {
  test(`exception ${code} in answer to a write is ${kind}`, async () => {
    await using odd = await oddServer(request => {
      const answer = Buffer.from([0, 0, 0, 0, 0, 3, 1, 0x85, code])
      request.copy(answer, 0, 0, 2)
      return answer
    })
    assert.equal((await odd.driver.write('out', 1, AbortSignal.timeout(2000))).kind, kind)
  })
}

test('an answer that claims more bytes than it has is a failed reading, not a mistake of ours', async () => {
  await using odd = await oddServer(request => {
    const answer = Buffer.from([0, 0, 0, 0, 0, 5, 1, 3, 200, 0, 1])
    request.copy(answer, 0, 0, 2)
    return answer
  })
  assert.equal((await odd.driver.read('register', AbortSignal.timeout(2000))).kind, 'failed')
})

test('reads cannot take the room that a write needs', async () => {
  let writes = 0
  await using odd = await oddServer(request => {
    // Several requests may come in one piece; each write is a function code 5 at its place.
    for (let at = 0; at < request.length; at += 12) if (request[at + 7] === 5) writes += 1
    return undefined
  })
  const reads = Array.from({ length: 500 }, () => odd.driver.read('register', AbortSignal.timeout(300)))
  const write = await odd.driver.write('out', 1, AbortSignal.timeout(300))
  await Promise.all(reads)
  assert.equal(write.kind, 'unknown')
  assert.equal(writes, 1)
})

test('a device that answers nonsense is not believed, and is connected to anew', async () => {
  await using odd = await oddServer(request => {
    const nonsense = Buffer.from([0, 0, 0, 0, 0, 5, 1, 0x55, 1, 2, 3])
    request.copy(nonsense, 0, 0, 2)
    return nonsense
  })
  assert.equal((await odd.driver.write('out', 1, AbortSignal.timeout(2000))).kind, 'unknown')
})

test('a value that does not fit its table is a mistake of ours and sends nothing', async () => {
  let requests = 0
  await using odd = await oddServer(() => {
    requests += 1
    return undefined
  })
  await assert.rejects(odd.driver.write('out', 2, AbortSignal.timeout(500)), RangeError)
  await assert.rejects(odd.driver.write('register', 70_000, AbortSignal.timeout(500)), RangeError)
  await assert.rejects(odd.driver.write('register', 1.5, AbortSignal.timeout(500)), RangeError)
  assert.equal(requests, 0)
})

test('more requests than the protocol can tell apart are refused, not lost', async () => {
  await using odd = await oddServer(() => undefined)
  const results = await Promise.all(
    Array.from({ length: 200 }, () => odd.driver.write('out', 1, AbortSignal.timeout(300))),
  )
  assert.equal(results.filter(({ kind }) => kind === 'unknown').length, 128)
  assert.equal(results.filter(({ kind }) => kind === 'unreachable').length, 72)
})
