import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { execa } from 'execa'
import type { Way } from '../../../drivers/modbus/link.ts'
import { rtuOverTcpWay, tcpWay } from '../../../drivers/modbus/tcp.ts'
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

/** What tshark shows of the fields, one line for each frame that the filter takes. */
type Show = (filter: string, ...fields: readonly string[]) => Promise<readonly string[]>

const RTU = ['-d', 'tcp.port==502,mbrtu', '-o', 'mbrtu.tcp.port:502', '-o', 'mbrtu.crc_verification:TRUE']

/** Does what a driver can do over the way, and has it taken apart. */
async function dissected(way: Way, options: readonly string[], look: (show: Show) => Promise<void>) {
  await using folder = await temporaryFolder()
  const dump: string[] = []
  await using connected = await Connected.to(recorded(way, dump), { timeout: SOON })
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
  await look(async (filter, ...fields) => {
    const { stdout } = await execa('tshark', [
      ...['-r', capture, ...options, '-Y', filter, '-T', 'fields', '-E', 'separator= '],
      ...fields.flatMap(field => ['-e', field]),
    ])
    return stdout
      .split('\n')
      .map(line => line.replaceAll(/ +/g, ' ').trim())
      .filter(line => line !== '')
  })
}

/** What the driver asks for: function code, address, and the bits or registers that it writes. */
const REQUESTS = [
  '5 1 ff00',
  '15 2 01',
  '6 4 0001',
  '16 6 16368,0,0,0',
  '22 4',
  '1 1',
  '2 3',
  '3 4',
  '3 6',
  '4 5',
  '43',
]

async function checkRequests(show: Show): Promise<void> {
  const fields = ['func_code', 'reference_num', 'data', 'regval_uint16'].map(name => `modbus.${name}`)
  const requests = await show('modbus && tcp.dstport == 502', ...fields)
  assert.deepEqual([...new Set(requests)], REQUESTS)
  const trouble = '_ws.malformed || _ws.short || _ws.expert.severity >= error'
  assert.deepEqual(await show(trouble, 'frame.number'), [])
}

test("Wireshark's dissector finds nothing malformed in what the driver sends, and knows every function code", async () => {
  await using folder = await temporaryFolder()
  const { witness, said } = await Witness.libmodbus(folder.path, 'tcp')
  await using _ = witness
  await dissected(tcpWay({ host: '127.0.0.1', port: Number(said.split(' ')[1]) }), [], checkRequests)
})

test("Wireshark's dissector finds nothing malformed in RTU frames either, and every check sum right", async () => {
  const { witness, port } = await Witness.pymodbus('rtu')
  await using _ = witness
  await dissected(rtuOverTcpWay({ host: '127.0.0.1', port }), RTU, async show => {
    await checkRequests(show)
    // 1 is a right check sum.
    const checkSums = await show('tcp.dstport == 502', 'mbrtu.crc16.status')
    assert.deepEqual([...new Set(checkSums)], ['1'])
    assert.deepEqual(await show('tcp.len > 0 && !mbrtu', 'frame.number'), [])
  })
})
