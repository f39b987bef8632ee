import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { parseDocument } from 'yaml'
import { startPlant } from '../../simulator/plant.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { HOLDFAST, ROOT } from '../agent/gateway.ts'
import { applicationCertificate } from '../drivers/opcua/server.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const GUIDE = readFileSync(join(ROOT, 'docs/DEVICES.md'), 'utf8')
const EXAMPLE = join(ROOT, 'examples', 'pumping-station')

/** The block of the guide that begins with this line, without its indent. */
function block(first: string): string {
  const found = GUIDE.match(/^(?: {4}.*\n)+/gm)?.find(each => each.startsWith(`    ${first}`)) ?? ''
  return found.replace(/^ {4}/gm, '').trimEnd()
}

/** The same but for what is another at each place: port, fingerprint and dates. */
function masked(text: string): string {
  return text
    .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replace(/[0-9a-f]{64}/g, 'SHA256')
    .replace(/\d{4}-\d\d-\d\dT[0-9:.]+Z \(in \d+ days\)/g, 'DAY')
    .trimEnd()
}

/** The plant of the example, and the agent's configuration for it, in a folder of their own. */
async function pumpingStation() {
  await using stack = new AsyncDisposableStack()
  const { path: folder } = stack.use(await temporaryFolder())
  await copyFile(join(EXAMPLE, 'plant.yaml'), join(folder, 'plant.yaml'))
  const { certificate } = await applicationCertificate(folder, 'gateway')
  const trusted = join(folder, 'certificates', 'clients', 'trusted')
  await mkdir(trusted, { recursive: true })
  await copyFile(certificate, join(trusted, 'gateway.pem'))
  await writeFile(join(folder, 'password'), 'pumping-station\n')
  const plant = stack.use(
    await startPlant({ file: join(folder, 'plant.yaml') }, { clock: new VirtualClock(), port: 0 }),
  )
  assert.ok(plant.opcua)
  const document = parseDocument(await readFile(join(EXAMPLE, 'holdfast.yaml'), 'utf8'))
  document.setIn(['devices', 'plc', 'endpoint'], plant.opcua.url)
  await writeFile(join(folder, 'holdfast.yaml'), document.toString())
  const { fingerprint256 } = new X509Certificate(plant.opcua.certificate)
  const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase()
  const holdfast = (...words: string[]) =>
    execa(HOLDFAST, [...words, '--config', 'holdfast.yaml'], { cwd: folder, reject: false })
  const running = stack.move()
  return { plant, fingerprint, holdfast, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

test('docs/DEVICES.md: what device show says over OPC UA, before and after somebody has trusted the server, is what it says', async () => {
  await using site = await pumpingStation()
  const [call = '', ...shown] = masked(block('$ holdfast device show')).split('\n')
  assert.equal(call, '$ holdfast device show plc --config holdfast.yaml')
  const before = await site.holdfast('device', 'show', 'plc')
  assert.equal(before.exitCode, 4)
  const last = shown.findIndex(line => line.startsWith('our_certificate_valid_to'))
  assert.deepEqual(masked(before.stdout).split('\n'), shown.slice(0, last + 1))
  assert.equal(masked(before.stderr), masked(block('plc does not say')))
  const trust = await site.holdfast('device', 'trust', 'plc', '--fingerprint', site.fingerprint)
  assert.equal(trust.exitCode, 0, trust.stderr)
  const after = await site.holdfast('device', 'show', 'plc')
  assert.equal(after.exitCode, 0, after.stderr)
  assert.deepEqual(masked(after.stdout).split('\n'), shown)
})

test('docs/DEVICES.md: device probe says of an uncertain value its status and what the server showed, and ends with 4', async () => {
  await using site = await pumpingStation()
  await site.holdfast('device', 'trust', 'plc', '--fingerprint', site.fingerprint)
  await site.plant.faults.set({
    kind: 'sensor-failed',
    signal: 'inlet-valve.position',
    quality: 'uncertain',
  })
  const { stdout, exitCode } = await site.holdfast('device', 'probe')
  assert.equal(exitCode, 4)
  const said = block('the server says Uncertain').replace(/ [0-9.]+$/, ' 0')
  assert.ok(stdout.includes(said), stdout)
})
