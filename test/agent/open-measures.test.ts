import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { alarmFile } from '../../agent/alarms/alarm-file.ts'
import { Alarms } from '../../agent/alarms/alarms.ts'
import { LIMITS } from '../../agent/audit/options.ts'
import { parseConfig } from '../../agent/config/load.ts'
import { openMeasures } from '../../agent/open-measures.ts'
import { systemClock } from '../../agent/time/system-clock.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { entry, Folder, OpenLog } from './audit/fixture.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/water-treatment/holdfast.yaml')
const STALLS = new URL('./audit/writers/stalls-for-good.ts', import.meta.url)
const SECOND = 1000

test('more than a quarter of the audit queue waiting for a disk that does not answer is a warning, more than three quarters critical', async () => {
  using folder = new Folder()
  const document = parseDocument(readFileSync(EXAMPLE, 'utf8'))
  document.setIn(['state_dir'], folder.path)
  const parsed = parseConfig(document.toString(), EXAMPLE)
  assert.ok(parsed.kind === 'config', JSON.stringify(parsed))
  await using open = await OpenLog.open(folder.log, {
    writer: STALLS,
    clock: systemClock,
    limits: { stall: 40 },
  })
  const clock = new VirtualClock()
  const told: string[] = []
  const alarms = new Alarms(alarmFile(join(folder.path, 'alarms.json')), undefined, clock, {
    note: () => {},
    told: ({ news, alarm: { name, severity, detail } }) =>
      name === 'audit-queue' && told.push(`${news} ${severity}: ${detail}`),
    surplus: () => {},
  })
  await using _alarms = alarms
  await using _measures = await openMeasures(parsed.config, clock, alarms, open.log)
  open.log.note(entry('alarm', { alarm: 'stall-the-writer' }))
  const fillTo = (count: number) => {
    while (open.log.state().queue < count) open.log.note({ kind: 'agent-stopped' })
  }
  // Another measure waits for the real disk meanwhile, so that a look takes more turns than one.
  const untilTold = async (count: number) => {
    while (told.length < count) await clock.advance(SECOND)
  }
  fillTo(LIMITS.queue / 4)
  for (let look = 0; look < 20; look += 1) await clock.advance(SECOND)
  fillTo(LIMITS.queue / 4 + 1)
  await untilTold(1)
  fillTo(LIMITS.queue * 0.75 + 1)
  await untilTold(2)
  assert.deepEqual(told, [
    'raised warning: 1025 of 4096 places of the audit queue are taken',
    'raised critical: 3073 of 4096 places of the audit queue are taken',
  ])
  // A log whose disk does not answer closes once it has noticed.
  await open.until(() => open.troubles.length > 0)
})

test('a certificate that cannot be read is a warning of its own, and hides nothing of the others', async () => {
  using folder = new Folder()
  const document = parseDocument(readFileSync(EXAMPLE, 'utf8'))
  document.setIn(['state_dir'], folder.path)
  const tls = { tls: '127.0.0.1:0', key: 'k.pem', client_ca: 'ca.pem', allowed_networks: ['127.0.0.0/8'] }
  const listeners = ['a', 'b'].map(name => ({ ...tls, name, certificate: join(folder.path, `${name}.pem`) }))
  document.setIn(['listeners'], document.createNode(listeners))
  const parsed = parseConfig(document.toString(), EXAMPLE)
  assert.ok(parsed.kind === 'config', JSON.stringify(parsed))
  await using open = await OpenLog.open(folder.log, { clock: systemClock })
  const clock = new VirtualClock()
  const told: string[] = []
  const both = Promise.withResolvers<void>()
  await using alarms = new Alarms(alarmFile(join(folder.path, 'alarms.json')), undefined, clock, {
    note: () => {},
    told: ({ alarm: { name, severity, detail } }) => {
      if (name !== 'certificate-expiring') return
      told.push(`${severity}: ${detail}`)
      if (told.length === 2) both.resolve()
    },
    surplus: () => {},
  })
  await using _measures = await openMeasures(parsed.config, clock, alarms, open.log)
  await both.promise
  for (const [index, name] of ['a', 'b'].entries())
    assert.match(told[index] ?? '', new RegExp(`^warning: .*/${name}\\.pem cannot be read: ENOENT`))
})
