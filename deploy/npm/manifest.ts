/** The parts of our own package.json that say something of the simulator too. */
export interface Checkout {
  readonly version: string
  readonly license: string
  readonly dependencies: Readonly<Record<string, string>>
}

const ENTRY = './simulator/library'

/**
 * The package.json of the simulator's package, which brings the npm packages that its files import (`imported`). Those of OPC UA are left
 * to whoever wants them (docs/decisions/0014). The simulator reaches into them, so they are asked for in one version; the others may be
 * as new as the project around them likes. Throws when one of them is no dependency of ours.
 */
export function manifestOf(checkout: Checkout, imported: ReadonlySet<string>) {
  const named = [...imported].sort()
  const opcua = named.filter(name => name.startsWith('node-opcua'))
  const others = named.filter(name => !opcua.includes(name))
  const version = (name: string) => {
    const pinned = checkout.dependencies[name]
    if (pinned === undefined) throw new Error(`the simulator imports ${name}, which is no dependency`)
    return pinned
  }
  return {
    name: '@holdfast/simulator',
    version: checkout.version,
    description:
      'A plant in software for your own tests: tanks, valves, pumps and PLCs over Modbus and OPC UA, with faults on demand.',
    license: checkout.license,
    keywords: ['modbus', 'opc-ua', 'plc', 'simulator', 'fault-injection', 'testing'],
    type: 'module',
    exports: {
      '.': { types: `${ENTRY}.d.ts`, default: `${ENTRY}.js` },
      './package.json': './package.json',
    },
    engines: { node: '>=20.9' },
    dependencies: Object.fromEntries(others.map(name => [name, `^${version(name)}`])),
    peerDependencies: Object.fromEntries(opcua.map(name => [name, version(name)])),
    peerDependenciesMeta: Object.fromEntries(opcua.map(name => [name, { optional: true }])),
  }
}
