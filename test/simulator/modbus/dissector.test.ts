import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { withCheckSum } from '../../drivers/modbus/rtu-gateway.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { WATER_PLANT } from '../water-plant.ts'
import { frame, RawClient } from './raw-client.ts'

/** Every function, what is refused, and what the dissector has to see in the answer: its function, then an exception or values. */
const ASKED: readonly (readonly [request: string, answer: string])[] = [
  ['01 0000 0003', '1 0,0,1'],
  ['02 0000 0002', '2 0,1'],
  ['03 0000 0002', '3 7,0'],
  ['04 0000 0004', '4 0,1200,65504,0'],
  ['05 0000 ff00', '5'],
  ['06 0000 0102', '6'],
  ['0f 0000 0003 01 05', '15'],
  ['10 0000 0002 04 0001 0002', '16'],
  ['16 0001 00f2 0025', '22'],
  ['17 0000 0002 0001 0001 02 abcd', '23'],
  ['2b 0e 02 00', '43'],
  ['2b 0e 04 01', '43'],
  ['03 ffff 0001', '3 2'],
  ['2b 0e 04 09', '43 2'],
  ['07', '7 1'],
]
const MALFORMED = '_ws.malformed || _ws.short || _ws.expert.severity >= error'
const RTU = ['-d', 'tcp.port==502,mbrtu', '-o', 'mbrtu.tcp.port:502', '-o', 'mbrtu.crc_verification:TRUE']

/** Asks all of it, over Modbus TCP and over RTU over TCP, and writes down each conversation for text2pcap. */
async function conversations(): Promise<{ readonly tcp: string[]; readonly rtu: string[] }> {
  const { plc, elements } = WATER_PLANT
  const modbus = { ...plc.modbus, rtu_over_tcp: { port: 0 } }
  const cold = { ...elements['cooling-loop'], initial_temperature_c: -3.2 }
  const plant = { ...WATER_PLANT, plc: { ...plc, modbus }, elements: { ...elements, 'cooling-loop': cold } }
  await using running = await startPlant({ plant }, { clock: new VirtualClock() })
  const { rtuAddress } = running.plc('plc')
  assert.ok(rtuAddress)
  using tcp = await RawClient.connect(running)
  using rtu = await RawClient.connect({ address: rtuAddress })
  const told = { tcp: [] as string[], rtu: [] as string[] }
  const note = (lines: string[], direction: string, hex: string) =>
    lines.push(`${direction} 000000 ${hex.replaceAll(/../g, '$& ')}`)
  for (const [index, [pdu]] of ASKED.entries()) {
    const request = frame(index, pdu)
    const before = tcp.received.length
    tcp.send(request)
    await tcp.receive(before / 2 + 9)
    // The length that the answer itself tells: what is longer or shorter is seen as malformed.
    const length = Number.parseInt(tcp.received.slice(before + 8, before + 12), 16)
    const answer = (await tcp.receive(before / 2 + 6 + length)).slice(before)
    note(told.tcp, 'I', request)
    note(told.tcp, 'O', answer)

    // The same PDU takes as much, with a check sum and without a header.
    const sealed = withCheckSum(Buffer.from(`01${pdu.replaceAll(' ', '')}`, 'hex'))
    const heard = rtu.received.length
    rtu.send(sealed)
    note(told.rtu, 'I', sealed.toString('hex'))
    note(told.rtu, 'O', (await rtu.receive(heard / 2 + length + 2)).slice(heard))
  }
  return told
}

/** What tshark shows of the fields, one line for each frame that the filter takes. */
async function dissected(lines: readonly string[], options: readonly string[] = []) {
  await using folder = await temporaryFolder()
  const [text, capture] = [join(folder.path, 'dump.txt'), join(folder.path, 'dump.pcap')]
  await writeFile(text, `${lines.join('\n')}\n`)
  await execa('text2pcap', ['-q', '-D', '-T', '40000,502', text, capture])
  const show = async (filter: string, ...fields: readonly string[]) => {
    const { stdout } = await execa('tshark', [
      ...['-r', capture, ...options, '-Y', filter, '-T', 'fields', '-E', 'separator= '],
      ...fields.flatMap(field => ['-e', field]),
    ])
    return stdout
      .split('\n')
      .map(line => line.replaceAll(/ +/g, ' ').trim())
      .filter(line => line !== '')
  }
  const values = ['func_code', 'exception_code', 'bitval', 'regval_uint16'].map(name => `modbus.${name}`)
  const objects = ['conformity_level', 'more_follows', 'object_str_value'].map(name => `modbus.${name}`)
  return {
    answers: await show('modbus && tcp.srcport == 502', ...values),
    identities: await show('modbus.conformity_level', ...objects),
    checkSums: await show('mbrtu', 'mbrtu.crc16.status'),
    malformed: await show(MALFORMED, 'frame.number'),
  }
}

test('Wireshark’s dissector finds nothing malformed in what the simulator answers, and knows every function', async () => {
  const { tcp, rtu } = await conversations()
  const expected = {
    answers: ASKED.map(([, answer]) => answer),
    identities: ['0x82 0x00 holdfast,simulated-plc,1,water', '0x82 0x00 simulated-plc'],
    malformed: [],
  }
  assert.deepEqual(await dissected(tcp), { ...expected, checkSums: [] })
  // 1 is a right check sum, of each request and each answer but the last request: it takes nothing under five bytes for Modbus RTU.
  const checkSums = ASKED.flatMap(() => ['1', '1']).slice(1)
  assert.deepEqual(await dissected(rtu, RTU), { ...expected, checkSums })
})
