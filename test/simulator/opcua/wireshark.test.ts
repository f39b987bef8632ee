import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { TcpDump } from '../../tcp-dump.ts'
import { type OpcUaPlant, startOpcUaPlant } from './opcua-plant.ts'
import { node, OpcUaWitness, type Security } from './witness.ts'

/** What Wireshark says of a field of all packets that a filter takes. */
type Tshark = (filter: string, field: string) => Promise<string[]>

async function capture(folder: string, name: string, dump: readonly string[]): Promise<Tshark> {
  const [text, packets] = [join(folder, `${name}.txt`), join(folder, `${name}.pcap`)]
  await writeFile(text, `${dump.join('\n')}\n`)
  await execa('text2pcap', ['-q', '-D', '-T', '4840,40000', text, packets])
  return async (filter, field) => {
    const { stdout } = await execa('tshark', ['-r', packets, '-Y', filter, '-T', 'fields', '-e', field])
    return stdout.split('\n').filter(line => line !== '')
  }
}

/** Everything that a client can ask for, with every status that there is. */
async function converse(site: OpcUaPlant, witness: OpcUaWitness): Promise<void> {
  await witness.ask({ do: 'endpoints' })
  await witness.read('tank.level', 'inlet-valve.closed', 'holding-register.0', 'nothing.there')
  await witness.write('inlet-valve.command', 'Boolean', true)
  await witness.write('tank.level', 'Double', 1)
  await witness.call('drain-valve', 'drain-valve.move', 0.5)
  await witness.ask({ do: 'properties', node: node('tank.level') })
  await witness.ask({ do: 'watch', node: node('tank.level') })
  await witness.ask({ do: 'next' })
  await site.plant.faults.set({ kind: 'sensor-failed', signal: 'tank.level', quality: 'uncertain' })
  await site.plant.faults.set({ kind: 'exception', code: 4, on: 'writes' })
  await site.clock.advance(10)
  await witness.read('tank.level')
  await witness.write('inlet-valve.command', 'Boolean', true)
  await site.plant.faults.set({ kind: 'session-closed' })
  await assert.rejects(witness.read('tank.level'))
}

const MALFORMED = '_ws.malformed || _ws.short || _ws.expert.severity >= error'
const FROM_SERVER = 'opcua && tcp.srcport == 4840'
const CHANNEL_OPENED = 449
/** Answers by the numbers of their encodings (OPC 10000-6 §A.3): endpoints, session, read, write, call, browse … */
const ANSWERS = [431, 464, 470, 634, 676, 715, 530, 790, 754, 829, 397]

for (const [security, opcua] of [
  ['none', { security_policies: ['None'], anonymous: true }],
  ['sign', { security_modes: ['Sign'] }],
] satisfies [Security, Parameters<typeof startOpcUaPlant>[0]][]) {
  test(`Wireshark's dissector finds nothing malformed in what the server sends, whatever the status (${security})`, async () => {
    await using site = await startOpcUaPlant(opcua)
    await using between = new TcpDump(Number(new URL(site.url.replace('opc.tcp', 'http')).port))
    await between.open()
    const url = `opc.tcp://127.0.0.1:${between.port}`
    await using witness = await OpcUaWitness.open({ ...site, url }, security)
    await converse(site, witness)
    const { dumps } = between
    // A client that signs asks for the server's certificate first, over a connection of its own.
    assert.equal(dumps.length, security === 'none' ? 1 : 2)
    const tsharks = await Promise.all(dumps.map((dump, index) => capture(site.folder, `${index}`, dump)))
    for (const [index, tshark] of tsharks.entries())
      assert.deepEqual(await tshark(MALFORMED, 'frame.number'), [], `connection ${index}`)
    const tshark = tsharks.at(-1) ?? assert.fail()
    const services = (await tshark(FROM_SERVER, 'opcua.servicenodeid.numeric')).map(Number)
    // How a channel is opened is encrypted for the server even where nothing else is (OPC 10000-6 §6.7.4).
    const readable = security === 'none' ? [CHANNEL_OPENED, ...ANSWERS] : ANSWERS
    for (const service of readable) assert.ok(services.includes(service), `${service} in ${services}`)
    const [policy] = await tshark(FROM_SERVER, 'opcua.security.spu')
    const expected = security === 'none' ? 'None' : 'Basic256Sha256'
    assert.equal(policy, `http://opcfoundation.org/UA/SecurityPolicy#${expected}`)
  })
}
