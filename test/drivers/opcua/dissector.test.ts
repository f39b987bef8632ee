import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { TcpDump } from '../../tcp-dump.ts'
import { foreignSite } from './foreign-site.ts'
import { connect } from './site.ts'

const LATER = 5000

const MALFORMED = '_ws.malformed || _ws.short || _ws.expert.severity >= error || tcp.analysis.lost_segment'

/** What each request and answer is, by the number that Wireshark knows it by; and what it could not take apart. */
async function dissect(folder: string, dump: readonly string[], name: string) {
  const [text, capture] = [join(folder, `${name}.txt`), join(folder, `${name}.pcap`)]
  await writeFile(text, `${dump.join('\n')}\n`)
  await execa('text2pcap', ['-q', '-D', '-T', '4840,40000', text, capture])
  const ask = async (filter: string, ...fields: string[]) => {
    const { stdout } = await execa('tshark', [
      ...['-r', capture, '-Y', filter, '-T', 'fields'],
      ...fields.flatMap(field => ['-e', field]),
    ])
    return stdout.split('\n').filter(line => line !== '')
  }
  const [malformed, known] = await Promise.all([
    ask(MALFORMED, 'frame.number', '_ws.expert.message'),
    ask('opcua', 'opcua.transport.type', 'opcua.servicenodeid.numeric'),
  ])
  const columns = known.map(line => line.split('\t'))
  const inColumn = (at: number) =>
    columns.flatMap(line => line[at]?.split(',') ?? []).filter(text => text !== '')
  return { malformed, transport: inColumn(0), services: inColumn(1) }
}

/** Requests by their encoding's number (OPC 10000-6, NodeIds.csv). */
const REQUESTS = {
  GetEndpoints: 428,
  OpenSecureChannel: 446,
  CloseSecureChannel: 452,
  CreateSession: 461,
  ActivateSession: 467,
  CloseSession: 473,
  Read: 631,
  Write: 673,
  Call: 712,
  CreateMonitoredItems: 751,
  CreateSubscription: 787,
  Publish: 826,
  DeleteSubscriptions: 847,
}

test("Wireshark's dissector finds nothing malformed in what the driver sends, signed or encrypted, and knows every service", async () => {
  await using plant = await foreignSite()
  const seen = new Set<string>()
  for (const securityMode of ['Sign', 'SignAndEncrypt'] as const) {
    await using between = new TcpDump(plant.server.port)
    await between.open()
    {
      const url = `opc.tcp://127.0.0.1:${between.port}`
      await using driver = await connect({ ...plant.endpoint, url, securityMode })
      assert.equal((await driver.write('out', 1, LATER)).kind, 'accepted')
      assert.equal((await driver.write('move', 2, LATER)).kind, 'accepted')
      assert.equal((await driver.write('start', 1, LATER)).kind, 'accepted')
      assert.equal((await driver.read('in', LATER)).kind, 'value')
      const watch = driver.watch(new Map([['in', { every: 50, staleAfter: 20_000 }]]))
      await watch.describe(AbortSignal.timeout(LATER))
      await plant.server.ask('set In 42')
      for (;;) {
        const reading = await watch.read('in', LATER)
        if (reading.kind === 'value' && reading.value === 42 && reading.age >= 50) break
      }
      await plant.server.ask('set In 0')
      await driver.identify(LATER)
    }
    // One connection asks what there is to connect to, the other is the session's.
    assert.equal(between.dumps.length, 2)
    for (const [index, dump] of between.dumps.entries()) {
      const found = await dissect(plant.folder, dump, `${securityMode}-${index}`)
      assert.deepEqual(found.malformed, [], `${securityMode}, connection ${index}`)
      assert.deepEqual(new Set(found.transport), new Set(['HEL', 'ACK', 'OPN', 'MSG', 'CLO']))
      for (const service of found.services) seen.add(service)
    }
  }
  const missing = Object.entries(REQUESTS).filter(([, number]) => !seen.has(String(number)))
  assert.deepEqual(missing, [])
})
