import { quietPackages } from './prints.ts'

/**
 * What OPC UA is served with. They do not come with the simulator's npm package, because they weigh seven times as much as it and all
 * else that it brings: whoever wants OPC UA installs them beside it.
 */
const PACKAGES = [
  'node-opcua-client@2.186.4',
  'node-opcua-common@2.186.4',
  'node-opcua-crypto@6.0.0',
  'node-opcua-server@2.186.4',
]

/** Loads them, and keeps them from printing. Rejects with OpcUaPackagesError when one is not installed. */
export async function loadPackages() {
  try {
    const [client, common, crypto, server] = await Promise.all([
      import('node-opcua-client'),
      import('node-opcua-common'),
      import('node-opcua-crypto'),
      import('node-opcua-server'),
    ])
    quietPackages()
    return { client, common, crypto, server }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new OpcUaPackagesError(error)
  }
}

/** A plant with OPC UA where the packages for it are not installed. */
export class OpcUaPackagesError extends Error {
  override readonly name = 'OpcUaPackagesError'

  constructor(cause: unknown) {
    const line = `npm install --save-dev ${PACKAGES.join(' ')}`
    super(`the plant has an opcua section, and the packages for it are not installed: ${line}`, { cause })
  }
}
