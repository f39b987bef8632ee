import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { frame, RawClient } from './modbus/raw-client.ts'

const MAIN = new URL('../../simulator/main.ts', import.meta.url).href
const HOLDFAST = new URL('../../bin/holdfast', import.meta.url).pathname
const PUMPING_STATION = new URL('../../examples/pumping-station/plant.yaml', import.meta.url).pathname
const EXAMPLE = new URL('../../examples/water-treatment/plant.yaml', import.meta.url).pathname

/** Runs `simulate` in a process of its own, which exits with its result. */
function run(options: object): ChildProcess {
  const script = `import { simulate } from ${JSON.stringify(MAIN)}
process.exitCode = await simulate(${JSON.stringify(options)})`
  return spawn(process.execPath, ['--input-type=module', '--eval', script])
}

async function finish(child: ChildProcess): Promise<{ code: number; stderr: string; stdout: string }> {
  const text = { stdout: '', stderr: '' }
  child.stdout?.on('data', chunk => {
    text.stdout += chunk
  })
  child.stderr?.on('data', chunk => {
    text.stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, ...text }
}

describe('holdfast simulate', () => {
  it('says where it listens, then each change of a valve or pump, and stops cleanly when told to', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = run({ plantFile: EXAMPLE, port: 0, json: true })
      const exited = once(child, 'exit')
      assert.ok(child.stdout)
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const next = async () => JSON.parse((await lines.next()).value ?? 'null')
      const { modbus, ...rest } = await next()
      assert.deepEqual(rest, { plant: 'water-treatment', scan_cycle_ms: 10 })
      assert.deepEqual({ host: modbus.host, unit: modbus.unit }, { host: '127.0.0.1', unit: 1 })
      const states = [await next(), await next()]
      using raw = await RawClient.connect({ address: modbus })
      raw.send(frame(1, '05 0000 ff00'))
      states.push(await next(), await next())
      assert.deepEqual(
        states.map(({ element, state }) => `${element} ${state}`),
        ['inlet-valve closed', 'coolant-pump off', 'inlet-valve opening', 'inlet-valve open'],
      )
      child.kill(signal)
      assert.deepEqual(await exited, [0, null])
      await raw.closed
    }
  })

  it('says whom its OPC UA server refused and why, once however often they come', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-'))
    const plantFile = join(folder, 'plant.yaml')
    await copyFile(PUMPING_STATION, plantFile)
    const child = run({ plantFile, port: 0, json: true })
    const exited = once(child, 'exit')
    assert.ok(child.stdout)
    const lines: string[] = []
    child.stderr?.pipe(process.stderr)
    const refused = Promise.withResolvers<void>()
    const url = Promise.withResolvers<string>()
    createInterface({ input: child.stdout }).on('line', line => {
      const said = JSON.parse(line)
      if (said.opcua) url.resolve(said.opcua.url)
      if (said.refused === undefined) return
      lines.push(`${said.peer} ${said.refused}`)
      refused.resolve()
    })
    const { port } = new URL((await url.promise).replace('opc.tcp', 'http'))
    const ports: number[] = []
    for (let time = 0; time < 20; time += 1) {
      const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      ports.push(socket.localPort ?? 0)
      socket.resume().end('GET / HTTP/1.1\r\n\r\n')
      await once(socket, 'close')
    }
    await refused.promise
    child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
    assert.deepEqual(lines, [`127.0.0.1:${ports[0]} the connection was ended: BadTcpMessageTypeInvalid`])
    await rm(folder, { recursive: true })
  })

  it('starts with the faults of its command line, and runs as fast as it is told', async () => {
    const faults = ['write-ignored,table=coil,address=0', 'exception,code=6,on=reads']
    const child = run({ plantFile: EXAMPLE, port: 0, json: true, faults, speed: 50 })
    const exited = once(child, 'exit')
    assert.ok(child.stdout)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const { modbus } = JSON.parse((await lines.next()).value ?? 'null')
    using raw = await RawClient.connect({ address: modbus })
    raw.send(frame(1, '05 0000 ff00') + frame(2, '01 0000 0001') + frame(3, '05 0001 ff00'))
    assert.equal(
      await raw.receive(33),
      frame(1, '05 0000 ff00') + frame(2, '81 06') + frame(3, '05 0001 ff00'),
    )
    const states: string[] = []
    for (let i = 0; i < 4; i++) {
      const { element, state } = JSON.parse((await lines.next()).value ?? 'null')
      states.push(`${element} ${state}`)
    }
    assert.deepEqual(states, [
      'inlet-valve closed',
      'coolant-pump off',
      'coolant-pump starting',
      'coolant-pump running',
    ])
    child.kill()
    assert.deepEqual(await exited, [0, null])
  })

  it('obeys its fault file while it runs, as an editor saves it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plant-'))
    const file = join(folder, 'faults.yaml')
    const args = ['simulate', EXAMPLE, '--port', '0', '--json', '--fault-file', file]
    const child = spawn(HOLDFAST, args)
    const exited = once(child, 'exit')
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    stack.defer(async () => {
      child.kill()
      await exited
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const complaints = createInterface({ input: child.stderr })[Symbol.asyncIterator]()
    const { modbus } = JSON.parse((await lines.next()).value ?? 'null')
    const news = async () => {
      for (;;) {
        const said = JSON.parse((await lines.next()).value ?? 'null')
        if (said.fault_file === file) return `${said.state} ${said.fault?.kind ?? ''}`.trim()
      }
    }
    const save = async (text: string) => {
      await writeFile(`${file}.new`, text)
      await rename(`${file}.new`, file)
    }
    using raw = await RawClient.connect({ address: modbus })
    assert.equal(await news(), 'absent')
    await save('faults:\n  - { kind: exception, code: 6 }\n')
    assert.equal(await news(), 'set exception')
    raw.send(frame(1, '01 0000 0001'))
    assert.equal(await raw.receive(9), frame(1, '81 06'))
    await save('faults:\n  - { kind: exception }\n')
    assert.equal(
      (await complaints.next()).value,
      `${file}:2:5: faults[0].code: is missing: expected a number. The faults stay as they were: correct the file and save it.`,
    )
    await save('faults:\n  - { kind: stuck, element: inlet-valve }\n')
    assert.deepEqual(
      [await news(), await news(), await news()],
      ['understood', 'set stuck', 'cleared exception'],
    )
    raw.send(frame(2, '01 0000 0001'))
    assert.equal((await raw.receive(19)).slice(18), frame(2, '01 01 00'))
    await rm(file)
    assert.deepEqual([await news(), await news()], ['absent', 'cleared stuck'])
    child.kill()
    assert.deepEqual(await exited, [0, null])
  })

  it('with a control port steps time only when it is told to', async () => {
    const control = { host: '127.0.0.1', port: 0 }
    const child = run({ plantFile: EXAMPLE, port: 0, json: true, stepped: true, control })
    const exited = once(child, 'exit')
    assert.ok(child.stdout)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async () => JSON.parse((await lines.next()).value ?? 'null')
    const { modbus } = await next()
    const { control: url } = await next()
    assert.deepEqual([(await next()).state, (await next()).state], ['closed', 'off'])
    using raw = await RawClient.connect({ address: modbus })
    raw.send(frame(1, '05 0000 ff00'))
    await raw.receive(12)
    const body = JSON.stringify({ advance_ms: 310 })
    const headers = { 'content-type': 'application/json' }
    await fetch(`${url}v1/time`, { method: 'POST', body, headers })
    assert.deepEqual([(await next()).state, (await next()).state], ['opening', 'open'])
    child.kill()
    assert.deepEqual(await exited, [0, null])
  })

  it('says when a watchdog changes its state', async () => {
    const child = run({ plantFile: EXAMPLE, port: 0, json: true, speed: 20 })
    const exited = once(child, 'exit')
    assert.ok(child.stdout)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async () => JSON.parse((await lines.next()).value ?? 'null')
    const { modbus } = await next()
    using raw = await RawClient.connect({ address: modbus })
    raw.send(frame(1, '06 0064 0001'))
    const said: string[] = []
    while (said.length < 2) {
      const { plc, watchdog } = await next()
      if (plc) said.push(`${plc} ${watchdog}`)
    }
    assert.deepEqual(said, ['plc running', 'plc expired'])
    child.kill()
    assert.deepEqual(await exited, [0, null])
  })

  it('refuses options that make no sense, with what they should be', () => {
    const rows: [args: string[], message: RegExp][] = [
      [['--speed', '0'], /--speed <n>.* expected a number more than 0, up to 1000/],
      [['--seed', '-1'], /--seed <n>.* expected a whole number from 0 to 4294967295/],
      [['--control', 'x'], /--control .* expected a port from 0 to 65535/],
      [['--stepped'], /--stepped needs --control/],
      [
        ['--scenario', 's.yaml', '--fault-file', 'f.yaml'],
        /'--scenario <file\.\.\.>' cannot be used with option '--fault-file <file>'/,
      ],
    ]
    for (const [args, message] of rows) {
      const { status, stderr } = spawnSync(HOLDFAST, ['simulate', EXAMPLE, ...args], { encoding: 'utf8' })
      assert.equal(status, 2)
      assert.match(stderr, message)
    }
  })

  it('says in one line of words where it listens', async () => {
    const child = run({ plantFile: EXAMPLE, port: 0 })
    const finished = finish(child)
    assert.ok(child.stdout)
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    const { code, stdout } = await finished
    assert.equal(code, 0)
    assert.match(stdout, /^water-treatment: Modbus TCP on 127\.0\.0\.1:\d+, unit 1; Ctrl-C stops it\n/)
  })

  it('exits with 2 and names every problem of a bad plant file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plant-'))
    const plantFile = join(folder, 'bad.yaml')
    await writeFile(plantFile, 'plant: Bad\nplc: 3\nelements: {}\n')
    const { code, stderr, stdout } = await finish(run({ plantFile }))
    await rm(folder, { recursive: true })
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.deepEqual(stderr.split('\n'), [
      `${plantFile}:1:8: plant: expected a name of a-z, 0-9 and hyphens`,
      `${plantFile}:2:6: plc: expected a mapping`,
      `The plant was not started: correct 2 problems in ${plantFile} and start it again.`,
      '',
    ])
  })

  it('exits with 2 and says what next when there is no such file, or its port cannot be had', async () => {
    const squatter = createServer()
    await new Promise<void>(resolve => squatter.listen({ host: '127.0.0.1', port: 0 }, resolve))
    const taken = squatter.address()
    const port = taken !== null && typeof taken === 'object' ? taken.port : 0
    const folder = await mkdtemp(join(tmpdir(), 'plant-'))
    const withCertificates = join(folder, 'plant.yaml')
    await copyFile(new URL('../../examples/pumping-station/plant.yaml', import.meta.url), withCertificates)
    await writeFile(join(folder, 'certificates'), 'a file, where a folder is wanted')
    const rows: [object, RegExp][] = [
      [
        { plantFile: withCertificates, port: 0 },
        /certificates\/.* cannot be used \(ENOTDIR\)\. .*: copy .*plant\.yaml to a folder of your own\.\n$/,
      ],
      [{ plantFile: '/no/such.yaml' }, /^There is no plant file \/no\/such\.yaml\. /],
      [{ plantFile: EXAMPLE, port }, new RegExp(`^The port is taken: 127\\.0\\.0\\.1:${port}\\. .* --port`)],
      [{ plantFile: EXAMPLE, port: 70_000 }, /^70000 is no port\. /],
      [
        { plantFile: EXAMPLE, port: 0, faults: ['stuck,element=tank'] },
        /^--fault stuck,element=tank: no valve or pump is called tank; there is inlet-valve, coolant-pump\n$/,
      ],
      [
        { plantFile: EXAMPLE, port: 0, faults: ['slow,element=inlet-valve'] },
        /^--fault slow,element=inlet-valve: factor: is missing: expected a number\n$/,
      ],
      [
        { plantFile: EXAMPLE, port: 0, faultFile: withCertificates },
        /^\/.*plant\.yaml:\d+:1: plant: is not a known key\n(?:.*\n)*The plant was not started: correct the fault file and start it again\.\n$/,
      ],
      [
        { plantFile: EXAMPLE, port: 0, faultFile: '/no/such/faults.yaml' },
        /^The folder of \/no\/such\/faults\.yaml cannot be watched \(ENOENT\)\. /,
      ],
      [{ plantFile: EXAMPLE, port: 0, faults: ['slow,inlet-valve'] }, /^--fault .*: expected key=value/],
      [{ plantFile: EXAMPLE, host: '192.0.2.1' }, /^Cannot listen on 192\.0\.2\.1:15020: .* --host/],
    ]
    for (const [options, message] of rows) {
      const { code, stderr } = await finish(run(options))
      assert.equal(code, 2)
      assert.match(stderr, message)
    }
    await rm(folder, { recursive: true })
    await new Promise(resolve => squatter.close(resolve))
  })
})
