import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { Progress } from '../../agent/command/progress.ts'
import { loadConfig } from '../../agent/config/load.ts'
import { Devices } from '../../agent/devices.ts'
import { systemClock } from '../../agent/time/system-clock.ts'
import { OddServer, reply } from '../drivers/modbus/odd-server.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/water-treatment/holdfast.yaml')
const LATER = 5000

test("an actuator's safe state is written before what was asked for earlier", async () => {
  await using folder = await temporaryFolder()
  await using server = await OddServer.start(request =>
    reply(request, request.pdu[0] === 5 ? request.pdu : [4, 2, 0, 0]),
  )
  const document = parseDocument(await readFile(EXAMPLE, 'utf8'))
  document.setIn(['devices', 'plc', 'port'], server.port)
  const file = join(folder.path, 'holdfast.yaml')
  await writeFile(file, document.toString())
  const loaded = await loadConfig(file)
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') return
  await using devices = new Devices(loaded.config, systemClock, randomBytes, new Progress(systemClock))
  await devices.attempted
  const [valve, pump] = [devices.actuators.get('inlet-valve'), devices.actuators.get('coolant-pump')]
  assert.ok(valve?.safe && pump?.safe)
  const looking = valve.driver.read(valve.feedbackPoint, LATER)
  await Promise.resolve()
  const [opening, closing, running] = [
    valve.driver.write(valve.commandPoint, 1 - valve.safe.write, LATER),
    valve.driver.write(valve.commandPoint, valve.safe.write, LATER),
    pump.driver.write(pump.commandPoint, pump.safe.write, LATER),
  ]
  assert.deepEqual(
    (await Promise.all([opening, closing, running])).map(({ kind }) => kind),
    ['accepted', 'accepted', 'accepted'],
  )
  await looking
  const written = server.requests.filter(({ pdu }) => pdu[0] === 5)
  assert.deepEqual(
    written.map(({ pdu }) => [pdu.readUInt16BE(1), pdu[3] === 0xff ? 1 : 0]),
    [
      [valveCoil, valve.safe.write],
      [pumpCoil, pump.safe.write],
      [valveCoil, 1 - valve.safe.write],
    ],
  )
})

test('an actuator knows how long the other devices behind its connection may keep it waiting', async () => {
  await using folder = await temporaryFolder()
  const document = parseDocument(await readFile(EXAMPLE, 'utf8'))
  const plc = document.toJS().devices.plc
  for (const [unit, timeout] of [
    [2, '2s'],
    [3, '4s'],
  ] as const)
    document.setIn(['devices', `unit-${unit}`], { ...plc, unit, timeout })
  document.setIn(['devices', 'away'], { ...plc, host: '127.0.0.2', unit: 4, timeout: '9s' })
  const file = join(folder.path, 'holdfast.yaml')
  await writeFile(file, document.toString())
  const loaded = await loadConfig(file)
  assert.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') return
  await using devices = new Devices(loaded.config, systemClock, randomBytes, new Progress(systemClock))
  assert.equal(devices.actuators.get('inlet-valve')?.turnWithin, 4000)
})

/** Where the example has them. */
const [valveCoil, pumpCoil] = [0, 1]
