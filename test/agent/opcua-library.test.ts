import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { execa } from 'execa'
import { applicationCertificate } from '../drivers/opcua/server.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { Gateway, HOLDFAST } from './gateway.ts'

// The library weighs over 100 MB and takes seconds to load: a gateway without an OPC UA device must not pay for it.

const RECORDED = join(import.meta.dirname, 'programs', 'recorded-modules.ts')
const OF_LIBRARY = /(?:^|\/node_modules\/)node-opcua/
const OF_DRIVER = /\/drivers\/modbus\/driver\.ts$/

/** What a program of ours is run with so that the modules that it asks for are noted, and those that match. */
function recording(gateway: Gateway) {
  const file = join(gateway.folder, 'modules')
  return {
    env: { NODE_OPTIONS: `--import ${RECORDED}`, HOLDFAST_MODULES: file },
    asked: async (wished: RegExp) =>
      (await readFile(file, 'utf8')).split('\n').filter(module => wished.test(module)),
  }
}

/** A gateway with an OPC UA server beside its Modbus device. Nobody is there: the library is wanted before that is known. */
async function gatewayOfBoth(folder: string): Promise<Gateway> {
  const device = {
    protocol: 'opcua',
    endpoint: 'opc.tcp://127.0.0.1:9',
    security_policy: 'Basic256Sha256',
    ...(await applicationCertificate(folder, 'gateway')),
  }
  return await Gateway.start({ settings: [[['devices', 'valves'], device]] })
}

describe('the library is loaded with the first session and not before, by nothing that is loaded on the way', () => {
  test('where devices are probed', async () => {
    await using folder = await temporaryFolder()
    for (const hasServer of [false, true]) {
      await using gateway = await (hasServer ? gatewayOfBoth(folder.path) : Gateway.start())
      const { env, asked } = recording(gateway)
      const words = ['device', 'probe', '--config', gateway.config]
      const { stdout } = await execa(HOLDFAST, words, { reject: false, stdin: 'ignore', env })
      assert.match(stdout, /coil 0/, 'it has probed')
      assert.notDeepEqual(await asked(OF_DRIVER), [], 'what it asks for is noted')
      if (hasServer) assert.notDeepEqual(await asked(OF_LIBRARY), [], 'the library too, where it is')
      else assert.deepEqual(await asked(OF_LIBRARY), [])
    }
  })

  test('where an agent has started, carried out a command and stopped', async () => {
    await using gateway = await Gateway.start()
    const { env, asked } = recording(gateway)
    await using agent = await gateway.startAgent(env)
    const { credential } = await gateway.issue('alice', 'operator')
    const answer = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
    assert.equal(answer.kind, 'answered', JSON.stringify(answer))
    assert.equal(await agent.kill('SIGTERM'), 0)
    assert.notDeepEqual(await asked(OF_DRIVER), [])
    assert.deepEqual(await asked(OF_LIBRARY), [])
  })

  test('but where an agent has such a device it is', async () => {
    await using folder = await temporaryFolder()
    await using gateway = await gatewayOfBoth(folder.path)
    const { env, asked } = recording(gateway)
    await using _agent = await gateway.startAgent(env)
    while ((await asked(OF_LIBRARY)).length === 0) await turn()
  })
})
