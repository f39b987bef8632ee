import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Config, DeviceConfig, WayConfig } from '../../agent/config/config.ts'
import { expiringCertificates } from '../../agent/device-certificates.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { OddServer, registerDevice } from '../drivers/modbus/odd-server.ts'
import { TlsFront } from '../drivers/modbus/tls-front.ts'
import { applicationCertificate } from '../drivers/opcua/server.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { Authority } from './certificates.ts'
import { Gateway } from './gateway.ts'

const DAY = 86_400_000

test("a device has one alarm for its certificates: ours, its and the user's, as loud as the first that expires", async () => {
  await using folder = await temporaryFolder()
  const [ours, user, theirs] = await Promise.all([
    applicationCertificate(folder.path, 'gateway', 100),
    applicationCertificate(folder.path, 'olive', 20),
    applicationCertificate(folder.path, 'server', 5),
  ])
  assert.ok(ours && user && theirs)
  const device: DeviceConfig = {
    kind: 'opcua',
    timeout: 1000,
    endpoint: {
      url: 'opc.tcp://127.0.0.1:4840',
      securityPolicy: 'Basic256Sha256',
      securityMode: 'Sign',
      ...ours,
      trusted: folder.path,
      user: { kind: 'certificate', ...user },
    },
  }
  const server = new X509Certificate(await readFile(theirs.certificate))
  const certificateExpires = { warn: 30 * DAY, critical: 7 * DAY }
  const config = {
    devices: new Map([['valves', device]]),
    alarms: { certificateExpires } as Config['alarms'],
  }
  const find = async (inDays: number, shown?: X509Certificate) =>
    await expiringCertificates(
      config,
      { shownCertificate: () => shown },
      new VirtualClock(Date.now() + inDays * DAY),
    )
  const [finding, ...others] = await find(0, server)
  assert.deepEqual(others, [])
  assert.deepEqual([finding?.severity, finding?.about], ['critical', { device: 'valves' }])
  assert.match(
    finding?.detail ?? '',
    /^the server's certificate CN=server expires at 20\S+Z; the user's certificate \S+olive.pem expires at 20\S+Z$/,
  )
  assert.deepEqual(
    (await find(0)).map(({ severity }) => severity),
    ['warning'],
  )
  assert.match((await find(101))[0]?.detail ?? '', /the gateway's own certificate \S+ has expired at/)
  assert.deepEqual(await find(-100, server), [])
})

/** A Modbus device, which is reached over `way`. */
function modbus(way: WayConfig): DeviceConfig {
  const limits = { registersMax: 125, bitsMax: 2000, gap: 0 }
  return { kind: 'modbus', way, unit: 1, timeout: 1000, limits, inFlight: 1, watchdog: undefined }
}

test("a Modbus TLS device has one alarm for its certificates: ours, its own and its authority's, as loud as the first that expires", async () => {
  await using folder = await temporaryFolder()
  const authority = await Authority.make(folder.path, 'plant-ca', 60)
  const ours = await authority.issue('gateway', 'DNS:gateway', { days: 100 })
  const theirs = await authority.issue('plc', 'IP:127.0.0.1', { days: 40 })
  const shown = new X509Certificate(await readFile(theirs.certificate))
  const endpoint = { host: '127.0.0.1', port: 802, serverName: undefined, ...ours, ca: authority.path }
  const made = Date.now()
  const find = async (inDays: number, isShown: boolean, changed: Partial<typeof endpoint> = {}) => {
    const config = {
      devices: new Map([
        ['secured', modbus({ protocol: 'modbus-tcp-security', ...endpoint, ...changed })],
        ['plain', modbus({ protocol: 'modbus-tcp', host: '127.0.0.1', port: 502 })],
      ]),
      alarms: { certificateExpires: { warn: 30 * DAY, critical: 7 * DAY } } as Config['alarms'],
    }
    const devices = { shownCertificate: (id: string) => (isShown && id === 'secured' ? shown : undefined) }
    return await expiringCertificates(config, devices, new VirtualClock(made + inDays * DAY))
  }
  const its = "the device's certificate CN=plc"
  const ca = "the device's authority \\S+plant-ca\\.pem"
  const own = "the gateway's own certificate \\S+gateway\\.pem"
  const at = 'at 20\\S+Z'
  const rows: [inDays: number, isShown: boolean, severity: string, says: string][] = [
    [11, true, 'warning', `${its} expires ${at}`],
    [34, true, 'critical', `${its} expires ${at}; ${ca} expires ${at}`],
    [34, false, 'warning', `${ca} expires ${at}`],
    [54, false, 'critical', `${ca} expires ${at}`],
    [71, true, 'critical', `${its} has expired ${at}; ${ca} has expired ${at}; ${own} expires ${at}`],
  ]
  for (const [inDays, isShown, severity, says] of rows) {
    const [finding, ...others] = await find(inDays, isShown)
    assert.deepEqual(
      [inDays, finding?.severity, finding?.about, others],
      [inDays, severity, { device: 'secured' }, []],
    )
    assert.match(finding?.detail ?? '', new RegExp(`^${says}$`))
  }
  assert.deepEqual(await find(9, true), [])
  // What cannot be read hides nothing of the rest.
  const [unread] = await find(34, true, { certificate: join(folder.path, 'none.pem') })
  assert.equal(unread?.severity, 'critical')
  assert.match(
    unread?.detail ?? '',
    /^the gateway's own certificate \S+none\.pem cannot be read: ENOENT.*; the device's certificate CN=plc expires/,
  )
})

test('an agent raises it for the certificate that a Modbus TLS device shows', async () => {
  await using folder = await temporaryFolder()
  const authority = await Authority.make(folder.path, 'plant-ca', 100)
  const theirs = await authority.issue('plc', 'IP:127.0.0.1', { days: 5 })
  const ours = await authority.issue('gateway', 'DNS:gateway', { days: 100 })
  await using plc = await OddServer.start(registerDevice(new Map()))
  await using front = new TlsFront({ host: '127.0.0.1', port: plc.port }, theirs, authority.path)
  await front.restore()
  const { port } = front
  const device = { protocol: 'modbus-tcp-security', host: '127.0.0.1', port, ...ours, ca: authority.path }
  await using gateway = await Gateway.start({ settings: [[['devices', 'secured'], device]] })
  const agent = await gateway.startAgent()
  const line = await agent.line(({ alarm }) => alarm === 'device-certificate-expiring')
  assert.deepEqual([line.severity, line.device], ['critical', 'secured'])
  assert.match(String(line.msg), /^the device's certificate CN=plc expires at 20\S+Z$/)
})

test('an agent raises it for a device that it talks to', async () => {
  await using folder = await temporaryFolder()
  const { certificate, key } = await applicationCertificate(folder.path, 'gateway')
  const device = {
    protocol: 'opcua',
    // Nobody is there, and our own certificate ends all the same.
    endpoint: 'opc.tcp://127.0.0.1:9',
    security_policy: 'Basic256Sha256',
    certificate,
    key,
  }
  await using gateway = await Gateway.start({ settings: [[['devices', 'valves'], device]] })
  const agent = await gateway.startAgent()
  const line = await agent.line(({ alarm }) => alarm === 'device-certificate-expiring')
  assert.deepEqual([line.severity, line.device], ['critical', 'valves'])
  assert.match(String(line.msg), /the gateway's own certificate \S+gateway\.pem expires at 20\S+Z/)
})
