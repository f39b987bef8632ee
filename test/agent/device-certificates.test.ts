import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Config, DeviceConfig } from '../../agent/config/config.ts'
import { expiringCertificates } from '../../agent/device-certificates.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { applicationCertificate } from '../drivers/opcua/server.ts'
import { temporaryFolder } from '../temporary-folder.ts'
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
      { serverCertificate: () => shown },
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
