import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { hostname } from 'node:os'
import { describe, it } from 'node:test'
import { ControlServer } from '../../../simulator/control/server.ts'
import { type PlantTime, TimeControl } from '../../../simulator/control/time.ts'
import { startPlant } from '../../../simulator/plant.ts'
import { realClock } from '../../../simulator/real-clock.ts'
import { ScaledClock } from '../../../simulator/scaled-clock.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { WATER_PLANT } from '../water-plant.ts'

/** Whatever the control port answers with. */
interface Body {
  readonly signals: Readonly<Record<string, unknown>>
  readonly detail: string
  readonly [key: string]: unknown
}

async function startControl(
  time: PlantTime = { mode: 'stepped', clock: new VirtualClock() },
  host = '127.0.0.1',
) {
  const plant = await startPlant({ plant: WATER_PLANT }, { clock: time.clock })
  const control = await ControlServer.start({ host, port: 0 }, plant, new TimeControl(time))
  const url = `http://127.0.0.1:${control.address.port}`
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    return { status: response.status, body: (await response.json()) as Body }
  }
  return {
    plant,
    url,
    ask,
    async [Symbol.asyncDispose]() {
      await control[Symbol.asyncDispose]()
      await plant[Symbol.asyncDispose]()
    },
  }
}

describe('the control port', () => {
  it('tells the state: what is true, what sensors show, the PLCs, faults and time', async () => {
    await using rig = await startControl()
    await rig.plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 2 })
    await rig.ask('POST', '/v1/time', { advance_ms: 1000 })
    const { status, body } = await rig.ask('GET', '/v1/state')
    assert.equal(status, 200)
    assert.deepEqual(body.signals['tank.level'], { is: rig.plant.truth('tank.level'), shown: 2 })
    assert.deepEqual(body.plcs, [{ name: 'plc', ...rig.plant.address, unit: 1, watchdog: 'off' }])
    assert.deepEqual(body.time, { mode: 'stepped', elapsed_ms: 1000 })
    assert.deepEqual(body.faults, rig.plant.faults.active)
    assert.deepEqual(body.commands, {
      'inlet-valve.command': 0,
      'coolant-pump.command': 0,
      'drain-valve.command': 0,
    })
    assert.deepEqual(body.disturbances, { 'tank.demand': 2, 'cooling-loop.heat-load': 25 })
  })

  it('sets, changes, lists and clears faults', async () => {
    await using rig = await startControl()
    const slow = { kind: 'slow', element: 'inlet-valve', factor: 2 }
    assert.deepEqual((await rig.ask('POST', '/v1/faults', slow)).body, { fault: slow })
    await rig.ask('POST', '/v1/faults', { ...slow, factor: 3 })
    await rig.ask('POST', '/v1/faults', { kind: 'half-open' })
    assert.deepEqual((await rig.ask('GET', '/v1/faults')).body.faults, [
      { ...slow, factor: 3 },
      { kind: 'half-open' },
    ])
    assert.deepEqual((await rig.ask('DELETE', '/v1/faults/half-open')).body, {
      cleared: [{ kind: 'half-open' }],
    })
    assert.equal(rig.plant.faults.active.length, 1)
    await rig.ask('DELETE', '/v1/faults')
    assert.deepEqual(rig.plant.faults.active, [])
  })

  it('lets stepped time pass, one step after the other', async () => {
    await using rig = await startControl()
    const steps = await Promise.all([1, 2, 3].map(() => rig.ask('POST', '/v1/time', { advance_ms: 500 })))
    assert.deepEqual(steps.map(({ body }) => body.elapsed_ms).sort(), [1000, 1500, 500])
    assert.equal((await rig.ask('GET', '/v1/time')).body.elapsed_ms, 1500)
  })

  it('changes the speed of running time', async () => {
    const clock = new ScaledClock(realClock, 1)
    await using rig = await startControl({ mode: 'running', clock })
    const { body } = await rig.ask('POST', '/v1/time', { speed: 50 })
    assert.deepEqual([body.mode, body.speed, clock.speed], ['running', 50, 50])
  })

  it('changes disturbances', async () => {
    await using rig = await startControl()
    assert.equal((await rig.ask('POST', '/v1/disturbances', { signal: 'tank.demand', to: 5 })).status, 200)
    await rig.ask('POST', '/v1/time', { advance_ms: 100 })
    assert.ok(rig.plant.truth('tank.outflow') > 4.9)
  })

  it('says what is wrong with a request, as a problem document', async () => {
    await using rig = await startControl()
    const running = await startControl({ mode: 'running', clock: new ScaledClock(realClock, 1) })
    await using _ = running
    const rows: [
      rig: typeof rig,
      method: string,
      path: string,
      body: unknown,
      status: number,
      detail: RegExp,
    ][] = [
      [rig, 'POST', '/v1/faults', { kind: 'stuck' }, 400, /^element: is missing: expected text$/],
      [rig, 'POST', '/v1/faults', { kind: 'sticky' }, 400, /^kind: expected one of stuck, reversed, /],
      [rig, 'POST', '/v1/faults', { kind: 'stuck', element: 'tank' }, 400, /no valve or pump is called tank/],
      [rig, 'POST', '/v1/time', { speed: 2 }, 409, /time is stepped/],
      [rig, 'POST', '/v1/time', { advance_ms: -1 }, 409, /expected more than 0/],
      [rig, 'POST', '/v1/time', {}, 400, /expected \{"speed": 10\} or \{"advance_ms": 1000\}/],
      [running, 'POST', '/v1/time', { advance_ms: 1 }, 409, /start with --stepped/],
      [running, 'POST', '/v1/time', { speed: 0 }, 409, /speed: expected more than 0, up to 1000/],
      [rig, 'POST', '/v1/disturbances', { signal: 'tank.level', to: 1 }, 400, /the plant has no tank.level/],
      [
        rig,
        'POST',
        '/v1/disturbances',
        { signal: 'tank.demand' },
        400,
        /^to: is missing: expected a number$/,
      ],
      [rig, 'DELETE', '/v1/faults/sticky', undefined, 404, /no fault is called sticky/],
      [rig, 'DELETE', '/v1/state', undefined, 405, /expected GET/],
      [rig, 'GET', '/v2', undefined, 404, /there is no \/v2; there is \/v1\/state, /],
    ]
    for (const [to, method, path, body, status, detail] of rows) {
      const answer = await to.ask(method, path, body)
      assert.equal(answer.status, status, path)
      assert.equal(answer.body.status, status)
      assert.match(answer.body.detail, detail)
    }
  })

  it('serves its page from itself alone', async () => {
    await using rig = await startControl()
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/mimic.css', 'text/css'],
      ['/mimic.js', 'text/javascript'],
    ] as const) {
      const response = await fetch(rig.url + path)
      assert.equal(response.status, 200)
      assert.ok(response.headers.get('content-type')?.startsWith(type))
      assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'/)
      const text = await response.text()
      assert.deepEqual(text.match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)[^'" ]+/g), null)
    }
  })

  it('says that a link stays dropped while its port is taken, and takes it up when it is free again', async () => {
    await using rig = await startControl()
    await rig.ask('POST', '/v1/faults', { kind: 'dropped-link' })
    const { port } = rig.plant.address
    const thief = createServer().listen(port, '127.0.0.1')
    await once(thief, 'listening')
    const refused = await rig.ask('DELETE', '/v1/faults')
    assert.equal(refused.status, 409)
    assert.match(refused.body.detail, /^plc stays dropped: .*EADDRINUSE/)
    assert.deepEqual(rig.plant.faults.active, [{ kind: 'dropped-link', plc: 'plc' }])
    thief.close()
    await once(thief, 'close')
    assert.equal((await rig.ask('DELETE', '/v1/faults')).status, 200)
    assert.deepEqual(rig.plant.faults.active, [])
  })

  it('where it listens everywhere, is used by its addresses and its host’s name, and by no other name', async () => {
    await using rig = await startControl(undefined, '0.0.0.0')
    const ask = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        request(`${rig.url}/v1/faults`, { headers: { host } }, answer => {
          answer.resume()
          resolve(answer.statusCode)
        })
          .on('error', reject)
          .end()
      })
    for (const host of ['10.1.2.3', '10.1.2.3:8080', '[fd00::1]:8080', 'localhost', hostname()])
      assert.equal(await ask(host), 200, host)
    for (const host of ['evil.example', '10.1.2.3.evil.example:80']) assert.equal(await ask(host), 403, host)
  })

  it('does nothing for pages of other sites, or under a name that is not its own', async () => {
    await using rig = await startControl()
    const send = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        request(`${rig.url}/v1/faults`, { method: 'POST', headers }, answer => {
          answer.resume()
          resolve(answer.statusCode)
        })
          .on('error', reject)
          .end('{"kind": "dropped-link"}')
      })
    const json = { 'content-type': 'application/json' }
    assert.equal(await send({ ...json, host: 'evil.example' }), 403)
    assert.equal(await send({ ...json, origin: 'https://evil.example' }), 403)
    assert.equal(await send({ 'content-type': 'text/plain' }), 403)
    assert.deepEqual(rig.plant.faults.active, [])
    assert.equal(await send({ ...json, origin: rig.url }), 200)
  })

  it('answers a path that is none, and goes on', async () => {
    await using rig = await startControl()
    for (const path of ['//', '/%', '/..', '/v1/faults/%ff']) {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        request({ hostname: '127.0.0.1', port: new URL(rig.url).port, path }, answer => {
          answer.resume()
          resolve(answer.statusCode)
        })
          .on('error', reject)
          .end()
      })
      assert.equal(status, 404, path)
    }
    assert.equal((await rig.ask('GET', '/v1/faults')).status, 200)
  })

  it('refuses a body that no fault is as long as', async () => {
    await using rig = await startControl()
    const answer = await rig.ask('POST', '/v1/faults', { kind: 'x'.repeat(20_000) })
    assert.equal(answer.status, 413)
  })

  for (const sent of [
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nmore',
    'GARBAGE\r\n\r\n',
    'POST / HTTP/1.1\r\n',
  ]) {
    it(`survives whoever sends ${JSON.stringify(sent)} and breaks off`, async () => {
      await using rig = await startControl()
      for (const breakOff of ['resetAndDestroy', 'destroy'] as const) {
        const { hostname, port } = new URL(rig.url)
        const socket = connect(Number(port), hostname)
        socket.on('error', () => {})
        const isGone = new Promise(resolve => socket.once('close', resolve))
        socket.write(sent, () => socket[breakOff]())
        await isGone
      }
      assert.equal((await rig.ask('GET', '/v1/state')).status, 200)
    })
  }
})
