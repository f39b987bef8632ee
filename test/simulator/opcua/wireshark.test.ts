import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { startOpcUaPlant } from './opcua-plant.ts'
import { node, OpcUaWitness } from './witness.ts'

/** A way to a server on which every byte is written down for text2pcap: `O` is the server's, `I` the client's. */
async function recorder(port: number, dump: string[]): Promise<AsyncDisposable & { readonly port: number }> {
  const note = (direction: string, from: Socket, to: Socket) => {
    from.on('data', (bytes: Buffer) => {
      dump.push(`${direction} 000000 ${bytes.toString('hex').replace(/../g, '$& ')}`)
      to.write(bytes)
    })
    from.on('error', () => {}).on('close', () => to.destroy())
  }
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1')
    note('I', client, upstream)
    note('O', upstream, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

test("Wireshark's dissector finds nothing malformed in what the server sends, whatever the status", async () => {
  await using site = await startOpcUaPlant({ security_policies: ['None'], anonymous: true })
  const dump: string[] = []
  await using between = await recorder(Number(new URL(site.url.replace('opc.tcp', 'http')).port), dump)
  await using witness = await OpcUaWitness.open(
    { ...site, url: `opc.tcp://127.0.0.1:${between.port}` },
    'none',
  )
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

  const [text, capture] = [join(site.folder, 'dump.txt'), join(site.folder, 'dump.pcap')]
  await writeFile(text, `${dump.join('\n')}\n`)
  await execa('text2pcap', ['-q', '-D', '-T', '40000,4840', text, capture])
  const tshark = async (filter: string, field: string) => {
    const { stdout } = await execa('tshark', ['-r', capture, '-Y', filter, '-T', 'fields', '-e', field])
    return stdout.split('\n').filter(line => line !== '')
  }
  // Responses by the numbers of their encodings (OPC 10000-6 §A.3): endpoints, channel, session, read, write, call, browse …
  const services = (await tshark('opcua && tcp.srcport == 4840', 'opcua.servicenodeid.numeric')).map(Number)
  for (const service of [431, 449, 464, 470, 634, 676, 715, 530, 790, 754, 829, 397])
    assert.ok(services.includes(service), `${service} in ${services}`)
  assert.deepEqual(await tshark('_ws.malformed || _ws.short', 'frame.number'), [])
})
