import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Config } from '../../agent/config/config.ts'
import { expiringFiles } from '../../agent/expiring-files.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { applicationCertificate } from '../drivers/opcua/server.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { Gateway } from './gateway.ts'

const DAY = 86_400_000

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let files: Record<'ours' | 'authority' | 'successor', string>
/** When the certificates were made. */
let made: number
before(async () => {
  folder = await temporaryFolder()
  made = Date.now()
  const of = async (name: string, days: number) =>
    (await applicationCertificate(folder.path, name, days)).certificate
  files = {
    ours: await of('ours', 100),
    authority: await of('authority', 20),
    successor: await of('successor', 400),
  }
})
after(async () => await folder[Symbol.asyncDispose]())

/** What is found after so many days of an agent that sends to a syslog receiver and has a TLS listener. */
async function find(inDays: number, syslog: { ca: string; certificate?: string }, shown?: string) {
  const listener = { kind: 'tls', name: 'lan', files: { certificate: shown } }
  const config = {
    listeners: shown === undefined ? [] : [listener],
    audit: { syslog },
    alarms: { certificateExpires: { warn: 30 * DAY, critical: 7 * DAY } },
  } as unknown as Config
  return await expiringFiles(config, new VirtualClock(made + inDays * DAY))
}

test('the connection to the syslog receiver has one alarm for our certificate and the authority, as loud as the first that expires', async () => {
  const syslog = { ca: files.authority, certificate: files.ours }
  const rows: [inDays: number, severity: string | undefined, says: RegExp][] = [
    [-20, undefined, /^$/],
    [1, 'warning', /^the authority of the syslog receiver, \S+authority\.pem expires at 20\S+Z$/],
    [14, 'critical', /authority\.pem expires at/],
    [21, 'critical', /authority\.pem has expired at/],
    [
      75,
      'critical',
      /authority\.pem has expired .*; what the syslog receiver is shown, \S+ours\.pem expires/,
    ],
  ]
  for (const [inDays, severity, says] of rows) {
    const [finding, ...more] = await find(inDays, syslog)
    assert.deepEqual([inDays, finding?.severity, more], [inDays, severity, []])
    assert.match(finding?.detail ?? '', says)
  }
})

test('beside a listener each has an alarm of its own', async () => {
  const found = await find(80, { ca: files.successor, certificate: files.ours }, files.ours)
  assert.deepEqual(
    found.map(({ severity, about }) => [severity, about]),
    [
      ['warning', { listener: 'lan' }],
      ['warning', {}],
    ],
  )
})

test('of several authorities in one file each is named, and one that is there again with a later end counts by that', async () => {
  const both = join(folder.path, 'both.pem')
  const texts = await Promise.all([files.authority, files.successor].map(path => readFile(path, 'utf8')))
  await writeFile(both, texts.join(''))
  const [finding] = await find(19, { ca: both })
  assert.match(
    finding?.detail ?? '',
    /^the authority of the syslog receiver, [^;]*CN=authority[^;]* in \S+both\.pem expires at 20\S+Z$/,
  )
  const renewed = (await applicationCertificate(join(folder.path), 'authority', 300)).certificate
  await writeFile(both, `${texts[0]}${await readFile(renewed, 'utf8')}`)
  assert.deepEqual(await find(19, { ca: both }), [])
})

test('a file that cannot be read is a warning, and hides nothing of the other', async () => {
  const [finding] = await find(95, { ca: join(folder.path, 'none.pem'), certificate: files.ours })
  assert.equal(finding?.severity, 'critical')
  assert.match(finding?.detail ?? '', /none\.pem cannot be read: ENOENT.*; .*ours\.pem expires/)
})

test('an agent raises it for the receiver that it sends to', async () => {
  const { certificate, key } = await applicationCertificate(folder.path, 'sender', 3)
  const syslog = { tls: '127.0.0.1:9', ca: files.successor, certificate, key }
  await using gateway = await Gateway.start({ settings: [[['audit'], { syslog }]] })
  const agent = await gateway.startAgent()
  const line = await agent.line(({ alarm }) => alarm === 'certificate-expiring')
  assert.deepEqual([line.severity, line.listener], ['critical', undefined])
  assert.match(String(line.msg), /^what the syslog receiver is shown, \S+sender\.pem expires at 20\S+Z$/)
})
