import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Fault } from '../../../simulator/fault.ts'
import { type OpcUaPlant, startOpcUaPlant, USER } from './opcua-plant.ts'
import { OpcUaWitness } from './witness.ts'

const GOOD = '00000000'

/** A server is long in starting: one plant has all the faults, one after the other. */
let shared: OpcUaPlant
before(async () => {
  shared = await startOpcUaPlant()
})
after(() => shared[Symbol.asyncDispose]())

/** The plant with all closed that can close, and a session open to it. It is left without faults and sessions. */
async function connected(): Promise<OpcUaPlant & { readonly witness: OpcUaWitness }> {
  await using stack = new AsyncDisposableStack()
  const { faults } = shared.plant
  stack.defer(async () => {
    await faults.set({ kind: 'session-closed' })
    await faults.clear()
  })
  const witness = stack.use(await OpcUaWitness.open(shared, 'sign-and-encrypt'))
  assert.equal(await witness.write('inlet-valve.command', 'Boolean', false), GOOD)
  assert.equal(await witness.write('drain-valve.command', 'Double', 0), GOOD)
  const running = stack.move()
  return { ...shared, witness, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** What of a promise is there once everything that is under way has been done, several times over. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pause = new Promise(resolve => setTimeout(resolve, 200, 'pending'))
  return (await Promise.race([promise, pause])) === 'pending'
}

describe('faults of the field on OPC UA', () => {
  const valve = 'inlet-valve'
  const position = 'inlet-valve.position'
  // The last is when the sensor gave something last, in ms after the command to open.
  const rows: [fault: Fault, value: number | null, status: string, at: number][] = [
    [{ kind: 'stuck', element: valve }, 0, GOOD, 1000],
    [{ kind: 'reversed', element: valve }, 0, GOOD, 1000],
    [{ kind: 'slow', element: valve, factor: 10 }, 0.33, GOOD, 1000],
    [{ kind: 'feedback-frozen', signal: position }, 0, GOOD, 0],
    [{ kind: 'feedback-lies', signal: position, value: 0.7 }, 0.7, GOOD, 1000],
    [{ kind: 'drift', signal: position, per_second: -0.1 }, 0.9, GOOD, 1000],
    [{ kind: 'sensor-failed', signal: position }, null, '808C0000', 0],
    [{ kind: 'sensor-failed', signal: position, quality: 'uncertain' }, 0, '40900000', 0],
  ]

  it('show as the guide says, a second after a valve was told to open', async () => {
    await using site = await connected()
    for (const [fault, value, status, at] of rows) {
      await site.plant.faults.clear()
      await site.witness.write('inlet-valve.command', 'Boolean', false)
      await site.clock.advance(5000)
      const opened = site.clock.wall()
      await site.plant.faults.set(fault)
      assert.equal(await site.witness.write('inlet-valve.command', 'Boolean', true), GOOD)
      await site.clock.advance(1000)
      const [shown] = await site.witness.read(position)
      assert.deepEqual([shown?.value, shown?.status, shown?.source], [value, status, opened + at], fault.kind)
    }
  })
})

describe('faults of the wire on OPC UA', () => {
  it('write-ignored: Good, and nothing lands, by write and by call', async () => {
    await using site = await connected()
    await site.plant.faults.set({ kind: 'write-ignored', table: 'holding-register', address: 10 })
    assert.equal(await site.witness.write('drain-valve.command', 'Double', 0.5), GOOD)
    assert.equal(await site.witness.call('drain-valve', 'drain-valve.move', 0.5), GOOD)
    assert.equal((await site.witness.read('drain-valve.command'))[0]?.value, 0)
    assert.equal(await site.witness.write('inlet-valve.command', 'Boolean', true), GOOD)
    assert.equal(site.plant.image.coil(0), 1)
  })

  it('exception: a bad status for each value, of the direction that it is for', async () => {
    await using site = await connected()
    await site.plant.faults.set({ kind: 'exception', code: 4, on: 'writes' })
    assert.equal(await site.witness.write('inlet-valve.command', 'Boolean', true), '808B0000') // BadDeviceFailure
    assert.equal((await site.witness.read('inlet-valve.command'))[0]?.value, false)
    await site.plant.faults.clear()
    await site.plant.faults.set({ kind: 'exception', code: 6, on: 'reads' })
    assert.equal((await site.witness.read('inlet-valve.command'))[0]?.status, '80040000') // BadResourceUnavailable
    assert.equal(await site.witness.write('inlet-valve.command', 'Boolean', true), GOOD)
  })

  it('latency: it acts at once, its answer waits for the plant’s clock, and later ones queue behind it', async () => {
    await using site = await connected()
    await site.plant.faults.set({ kind: 'latency', ms: 500, on: 'writes' })
    const written = site.witness.write('inlet-valve.command', 'Boolean', true)
    const read = site.witness.read('inlet-valve.command')
    assert.ok(await isPending(written))
    assert.equal(site.plant.image.coil(0), 1)
    await site.clock.advance(499)
    assert.ok(await isPending(written))
    await site.clock.advance(1)
    assert.equal(await written, GOOD)
    assert.equal((await read)[0]?.value, true)
  })

  it('silent: no answer ever comes, whether it was done or not', async () => {
    for (const effect of ['done', 'lost'] as const) {
      await using site = await connected()
      await site.plant.faults.set({ kind: 'silent', effect, on: 'writes' })
      const written = site.witness.write('inlet-valve.command', 'Boolean', true)
      assert.ok(await isPending(written))
      assert.equal(site.plant.image.coil(0), effect === 'done' ? 1 : 0)
      await site.plant.faults.clear()
      assert.ok(await isPending(written))
    }
  })

  it('half-open: the open connection hangs without being closed, a new one is served, clearing resets', async () => {
    await using site = await connected()
    await site.plant.faults.set({ kind: 'half-open' })
    const asked = site.witness.read('tank.level')
    asked.catch(() => {})
    assert.ok(await isPending(asked))
    await using another = await OpcUaWitness.open(site, 'sign-and-encrypt')
    assert.equal((await another.read('tank.level'))[0]?.status, GOOD)
    await site.plant.faults.clear()
    await assert.rejects(asked, /reset/i)
    assert.equal((await another.read('tank.level'))[0]?.status, GOOD)
  })

  it('dropped-link: every connection is closed and new ones are refused, until it is cleared', async () => {
    await using site = await connected()
    await site.plant.faults.set({ kind: 'dropped-link' })
    await assert.rejects(site.witness.read('tank.level'), /closed|reset|pipe/i)
    await using refused = new OpcUaWitness(site, 'sign-and-encrypt')
    await assert.rejects(refused.ask({ do: 'open', user: null }), /refused/)
    await site.plant.faults.clear()
    await using again = await OpcUaWitness.open(site, 'sign-and-encrypt')
    assert.equal((await again.read('tank.level'))[0]?.status, GOOD)
  })

  it('dropped-link: a session outlives it, and is taken up again over a new channel', async () => {
    await using site = await connected()
    await site.plant.faults.set({ kind: 'dropped-link' })
    await assert.rejects(site.witness.read('tank.level'), /closed|reset|pipe/i)
    await site.plant.faults.clear()
    await site.witness.ask({ do: 'resume', user: USER })
    assert.equal((await site.witness.read('tank.level'))[0]?.status, GOOD)
    // A session that is gone cannot be taken up.
    await site.plant.faults.set({ kind: 'session-closed' })
    await assert.rejects(site.witness.ask({ do: 'resume', user: USER }), /^Error: 80250000$/) // BadSessionIdInvalid
  })

  it('session-closed: the session is gone, a new one is served', async () => {
    await using site = await connected()
    await site.plant.faults.set({ kind: 'session-closed' })
    // BadSessionIdInvalid, BadSessionClosed
    await assert.rejects(site.witness.read('tank.level'), /80250000|80260000/)
    await using again = await OpcUaWitness.open(site, 'sign-and-encrypt')
    assert.equal((await again.read('tank.level'))[0]?.status, GOOD)
  })

  it('wrong-certificate: who connects is shown another one, who is connected goes on', async () => {
    await using site = await connected()
    const shownTo = async (client: OpcUaWitness) => {
      const [first] = (await client.ask({ do: 'endpoints' })) as { sha256: string }[]
      return first?.sha256
    }
    const own = await shownTo(site.witness)
    const now = Date.now()
    for (const shows of ['expired', 'not-yet-valid', 'replaced'] as const) {
      await site.plant.faults.set({ kind: 'wrong-certificate', shows })
      const certificate = new X509Certificate(site.plant.opcua?.certificate ?? '')
      const sha256 = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
      assert.notEqual(sha256, own)
      assert.equal(certificate.validToDate.getTime() < now, shows === 'expired')
      assert.equal(certificate.validFromDate.getTime() > now, shows === 'not-yet-valid')
      assert.equal((await site.witness.read('tank.level'))[0]?.status, GOOD)
      // Its channel is made with the key of the certificate that it was shown.
      await using another = await OpcUaWitness.open(site, 'sign-and-encrypt')
      assert.equal(await shownTo(another), sha256)
      assert.equal((await another.read('tank.level'))[0]?.status, GOOD, shows)
      await site.plant.faults.clear()
    }
    assert.equal(await shownTo(site.witness), own)
  })

  it('second-master: what it writes is read back, and the client’s own value is gone', async () => {
    await using site = await connected()
    await site.plant.faults.set({
      kind: 'second-master',
      table: 'holding-register',
      address: 10,
      value: 750,
      every_ms: 100,
    })
    assert.equal(await site.witness.write('drain-valve.command', 'Double', 0.25), GOOD)
    await site.clock.advance(100)
    assert.equal((await site.witness.read('drain-valve.command'))[0]?.value, 0.75)
  })
})

it('a watchdog is fed over OPC UA, and falls back when it is not', async () => {
  await using site = await startOpcUaPlant(
    {},
    {
      watchdog: { kind: 'register', register: 100, time: '2s' },
      modbus: {
        host: '127.0.0.1',
        port: 0,
        coils: [{ address: 0, signal: 'inlet-valve.command', fallback: 0 }],
      },
    },
  )
  await using witness = await OpcUaWitness.open(site, 'sign-and-encrypt')
  await witness.write('inlet-valve.command', 'Boolean', true)
  for (let beat = 1; beat <= 3; beat++) {
    assert.equal(await witness.write('holding-register.100', 'UInt16', beat), GOOD)
    await site.clock.advance(1500)
    assert.equal((await witness.read('inlet-valve.command'))[0]?.value, true)
  }
  await site.clock.advance(600)
  assert.equal(site.plant.watchdog, 'expired')
  assert.equal((await witness.read('inlet-valve.command'))[0]?.value, false)
})

it('stops with sessions and half-open connections open, and frees its port', async () => {
  const site = await startOpcUaPlant()
  await using witness = await OpcUaWitness.open(site, 'sign-and-encrypt')
  await site.plant.faults.set({ kind: 'half-open' })
  await site[Symbol.asyncDispose]()
  await assert.rejects(witness.read('tank.level'))
  const socket: Socket = connect(Number(new URL(site.url.replace('opc.tcp', 'http')).port), '127.0.0.1')
  const [error] = await once(socket, 'error')
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
})
