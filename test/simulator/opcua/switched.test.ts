import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { HOLDFAST } from '../../agent/gateway.ts'
import { applicationCertificate } from '../../drivers/opcua/server.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { WATER_PLANT } from '../water-plant.ts'
import { NAMESPACE, USER } from './opcua-plant.ts'
import { OpcUaWitness } from './witness.ts'

const GOOD = '00000000'

test('the faults that only OPC UA has are set by the plant file, the command line and the control port', async () => {
  await using folder = await temporaryFolder()
  const at = (...path: string[]) => join(folder.path, ...path)
  const client = await applicationCertificate(folder.path, 'gateway')
  await mkdir(at('plc', 'clients', 'trusted'), { recursive: true })
  await copyFile(client.certificate, at('plc', 'clients', 'trusted', 'gateway.pem'))
  const users = [{ name: USER[0], password: USER[1] }]
  const opcua = { port: 0, namespace: NAMESPACE, certificates: 'plc', users }
  const faults = [{ kind: 'sensor-failed', signal: 'tank.level', quality: 'uncertain' }]
  await writeFile(
    at('plant.yaml'),
    stringify(
      { ...WATER_PLANT, plc: { ...WATER_PLANT.plc, opcua }, faults },
      { aliasDuplicateObjects: false },
    ),
  )

  const words = ['simulate', at('plant.yaml'), '--json', '--control', '0']
  const program = spawn(HOLDFAST, [...words, '--fault', 'wrong-certificate,shows=expired'])
  const exited = once(program, 'exit')
  await using stack = new AsyncDisposableStack()
  stack.defer(async () => {
    program.kill()
    await exited
  })
  program.stderr.pipe(process.stderr)
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value ?? 'null')
  const { url, certificate_sha256: said } = (await next()).opcua
  const { control } = await next()
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${control}v1/faults${path}`, {
      method,
      ...(body && { headers, body: JSON.stringify(body) }),
    })
    assert.equal(answer.status, 200, path)
  }
  const open = () => OpcUaWitness.open({ url, client }, 'sign-and-encrypt')
  const shownTo = async (witness: OpcUaWitness) =>
    ((await witness.ask({ do: 'endpoints' })) as { sha256: string }[])[0]?.sha256
  const sha256 = async (name: string) => {
    const { fingerprint256 } = new X509Certificate(await readFile(at('plc', name)))
    return fingerprint256.replaceAll(':', '').toLowerCase()
  }

  await using first = await open()
  assert.equal((await first.read('tank.level'))[0]?.status, '40900000') // UncertainLastUsableValue
  assert.deepEqual([await shownTo(first), said], [await sha256('expired.pem'), await sha256('expired.pem')])
  await ask('DELETE', '/wrong-certificate')
  assert.equal(await shownTo(first), await sha256('own.pem'))
  await ask('POST', '', { kind: 'wrong-certificate', shows: 'replaced' })
  assert.equal(await shownTo(first), await sha256('replaced.pem'))
  await ask('POST', '', { kind: 'sensor-failed', signal: 'tank.level' })
  assert.equal((await first.read('tank.level'))[0]?.status, '808C0000') // BadSensorFailure
  await ask('DELETE', '/sensor-failed')
  await ask('POST', '', { kind: 'session-closed' })
  await assert.rejects(first.read('tank.level'), /80250000|80260000/) // BadSessionIdInvalid, BadSessionClosed
  await using second = await open()
  const [level] = await second.read('tank.level')
  assert.equal(level?.status, GOOD)
})
