import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { copyFile, readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Certificates } from '../../../simulator/opcua/certificate.ts'
import { TrustList } from '../../../simulator/opcua/trust-list.ts'
import { applicationCertificate } from '../../drivers/opcua/server.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { startOpcUaPlant } from './opcua-plant.ts'
import { OpcUaWitness } from './witness.ts'

const OWNER = { applicationUri: 'urn:holdfast:simulator:water:plc', host: '192.0.2.7' }
const DAY = 86_400_000

async function derOf(file: string): Promise<Buffer> {
  return new X509Certificate(await readFile(file)).raw
}

describe('a server’s own certificate', () => {
  it('is made when there is none, names the application and its address, and is kept with its key', async () => {
    await using folder = await temporaryFolder()
    const at = join(folder.path, 'plc')
    const made = await new Certificates(at, OWNER, Date.now).get('own')
    const certificate = new X509Certificate(made.der)
    assert.match(certificate.subjectAltName ?? '', /URI:urn:holdfast:simulator:water:plc/)
    assert.match(certificate.subjectAltName ?? '', /IP Address:192\.0\.2\.7/)
    assert.ok(certificate.checkPrivateKey(made.key))
    assert.equal((await stat(join(at, 'own.key'))).mode & 0o777, 0o600)
    const again = await new Certificates(at, OWNER, Date.now).get('own')
    assert.deepEqual(again.der, made.der)
  })

  it('is a new one each time without a folder', async () => {
    const [one, other] = await Promise.all(
      [0, 1].map(() => new Certificates(undefined, OWNER, Date.now).get('own')),
    )
    assert.notDeepEqual(one?.der, other?.der)
  })
})

describe('a list of trusted clients', () => {
  it('takes who was approved, keeps who was not for a person to look at, and takes it once it was moved', async () => {
    await using folder = await temporaryFolder()
    const [known, stranger] = await Promise.all(
      ['known', 'stranger'].map(name => applicationCertificate(folder.path, name)),
    )
    const list = new TrustList(folder.path, 'clients', false, Date.now)
    await list.open()
    const [trusted, rejected] = ['trusted', 'rejected'].map(name => join(folder.path, 'clients', name))
    await copyFile(known?.certificate ?? '', join(trusted ?? '', 'anything.crt'))
    assert.equal(await list.judge(await derOf(known?.certificate ?? '')), 'Good')
    const der = await derOf(stranger?.certificate ?? '')
    assert.equal(await list.judge(der), 'BadCertificateUntrusted')
    assert.equal(await list.judge(der), 'BadCertificateUntrusted')
    const [kept, ...more] = await readdir(rejected ?? '')
    assert.deepEqual(more, [])
    await rename(join(rejected ?? '', kept ?? ''), join(trusted ?? '', kept ?? ''))
    assert.equal(await list.judge(der), 'Good')
  })

  it('takes nobody whose certificate has ended, has not begun, or is none; not even one that takes everybody', async () => {
    await using folder = await temporaryFolder()
    const { certificate } = await applicationCertificate(folder.path, 'gateway')
    const der = await derOf(certificate)
    for (const [now, judged] of [
      [Date.now(), 'Good'],
      [Date.now() + 30 * DAY, 'BadCertificateTimeInvalid'],
      [Date.now() - 30 * DAY, 'BadCertificateTimeInvalid'],
    ] as const) {
      assert.equal(await new TrustList(undefined, 'clients', true, () => now).judge(der), judged)
    }
    const everybody = new TrustList(undefined, 'clients', true, Date.now)
    assert.equal(await everybody.judge(Buffer.from('no certificate')), 'BadCertificateInvalid')
    const nobody = new TrustList(undefined, 'users', false, Date.now)
    assert.equal(await nobody.judge(der), 'BadCertificateUntrusted')
  })
})

it('a client is refused until somebody moves its certificate into the folder of the trusted', async () => {
  await using site = await startOpcUaPlant()
  const clients = join(site.folder, 'plc', 'clients')
  await rename(join(clients, 'trusted', 'gateway.pem'), join(site.folder, 'elsewhere.pem'))
  // Nobody has come yet.
  assert.deepEqual(await readdir(join(clients, 'rejected')), [])
  await using refused = new OpcUaWitness(site, 'sign-and-encrypt')
  await assert.rejects(refused.ask({ do: 'open', user: ['olive', 'secret'] }))
  const [kept, ...more] = await readdir(join(clients, 'rejected'))
  assert.deepEqual(more, [])
  await rename(join(clients, 'rejected', kept ?? ''), join(clients, 'trusted', kept ?? ''))
  await using taken = await OpcUaWitness.open(site, 'sign-and-encrypt')
  assert.equal((await taken.read('tank.level'))[0]?.status, '00000000')
})
