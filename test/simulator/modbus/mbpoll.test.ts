import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { startRig } from '../water-plant.ts'

describe('mbpoll, which shares no code with ours', () => {
  it('reads and writes all four tables over Modbus TCP', async () => {
    await using rig = await startRig()
    const { host, port } = rig.plant.address
    const poll = async (table: number, address: number, options: string[], ...values: string[]) => {
      const at = ['-m', 'tcp', '-p', `${port}`, '-a', '1', '-0', '-1', '-t', `${table}`, '-r', `${address}`]
      return (await promisify(execFile)('mbpoll', [...at, ...options, host, ...values])).stdout
    }
    await poll(0, 0, [], '1', '0', '1')
    assert.match(await poll(0, 0, ['-c', '3']), /\[0\]:\s+1\n\[1\]:\s+0\n\[2\]:\s+1\n/)
    await poll(4, 0, [], '4711', '65535')
    assert.match(await poll(4, 0, ['-c', '2']), /\[0\]:\s+4711\n\[1\]:\s+65535/)
    await rig.clock.advance(310)
    assert.match(await poll(3, 0, ['-c', '3']), /\[0\]:\s+1000\n\[1\]:\s+1200\n\[2\]:\s+320\n/)
    assert.match(await poll(1, 0, ['-c', '2']), /\[0\]:\s+0\n\[1\]:\s+0\n/)
    assert.deepEqual([rig.plant.image.coil(2), rig.plant.image.holdingRegister(1)], [1, 65_535])
  })
})
