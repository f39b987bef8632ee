import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { execa } from 'execa'
import type { Way } from '../../../drivers/modbus/link.ts'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { Connected } from './connected.ts'
import { Witness } from './witness.ts'

const SOON = 3000

/** The same way, with every byte that goes over it written down for text2pcap: `O` is ours, `I` the device's. */
function recorded(way: Way, dump: string[]): Way {
  const note = (direction: string, bytes: Buffer) =>
    dump.push(`${direction} 000000 ${bytes.toString('hex').replace(/../g, '$& ')}`)
  return {
    ...way,
    open: async signal => {
      const stream: Duplex = await way.open(signal)
      const write = stream.write.bind(stream)
      stream.write = (bytes: Buffer) => {
        note('O', bytes)
        return write(bytes)
      }
      stream.prependListener('data', (bytes: Buffer) => note('I', bytes))
      return stream
    },
  }
}

test("Wireshark's dissector finds nothing malformed in what the driver sends, and knows every function code", async () => {
  await using folder = await temporaryFolder()
  const { witness, said } = await Witness.libmodbus(folder.path, 'tcp')
  await using _ = witness
  const dump: string[] = []
  await using connected = await Connected.to(
    recorded(tcpWay({ host: '127.0.0.1', port: Number(said.split(' ')[1]) }), dump),
  )
  const driver = connected.driver({
    coil: { coil: 1 },
    coils: { coil: 2, write_function: 15 },
    bit: { discrete_input: 3 },
    one: { holding_register: 4 },
    wide: { holding_register: 6, type: 'float64', word_order: 'big' },
    field: { holding_register: 4, bit: 3, write_function: 22 },
    input: { input_register: 5 },
  })
  for (const point of ['coil', 'coils', 'one', 'wide', 'field'])
    assert.equal((await driver.write(point, 1, SOON)).kind, 'accepted', point)
  await Promise.all(['coil', 'bit', 'one', 'wide', 'input'].map(point => driver.read(point, SOON)))
  await driver.identify(SOON)

  const [text, capture] = [join(folder.path, 'dump.txt'), join(folder.path, 'dump.pcap')]
  await writeFile(text, `${dump.join('\n')}\n`)
  await execa('text2pcap', ['-q', '-D', '-T', '502,40000', text, capture])
  const tshark = async (filter: string) => {
    const { stdout } = await execa('tshark', [
      '-r',
      capture,
      '-Y',
      filter,
      '-T',
      'fields',
      '-e',
      'modbus.func_code',
    ])
    return stdout.split('\n').filter(line => line !== '')
  }
  const requests = await tshark('modbus && tcp.dstport == 502')
  assert.deepEqual(
    [...new Set(requests)].map(Number).toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 15, 16, 22, 43],
  )
  assert.deepEqual(await tshark('_ws.malformed || _ws.short'), [])
})
