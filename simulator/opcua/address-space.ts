import type { Namespace, UAObject, UAVariable } from 'node-opcua-address-space'
import type * as Library from 'node-opcua-client'
import type { OPCUAServer } from 'node-opcua-server'
import type { Millis } from '../../model/time.ts'
import type { OpcUaDevice } from './device.ts'
import { type CellNode, movablesOf } from './node.ts'
import { type Unit, unitId } from './unit.ts'

export interface Furnishing {
  readonly library: typeof Library
  readonly namespaceUri: string
  /** Of the object that holds all of it. */
  readonly title: string
  readonly nodes: readonly CellNode[]
  readonly device: OpcUaDevice
  readonly scanCycle: Millis
}

/**
 * Puts a PLC into a server's address space: an object for each element of the plant with a variable for each of its
 * cells, and a method that moves it where it is an actuator; cells without a signal are under `memory`.
 */
export function furnish(server: OPCUAServer, furnishing: Furnishing): void {
  const { addressSpace } = server.engine
  if (!addressSpace) throw new Error('the server has no address space')
  const { nodes, namespaceUri, title } = furnishing
  const namespace = addressSpace.registerNamespace(namespaceUri)
  const plc = namespace.addObject({
    organizedBy: addressSpace.rootFolder.objects,
    browseName: title,
    nodeId: 's=plc',
  })
  const objects = new Map<string, UAObject>()
  const objectOf = (name: string): UAObject => {
    const object =
      objects.get(name) ?? namespace.addObject({ componentOf: plc, browseName: name, nodeId: `s=${name}` })
    objects.set(name, object)
    return object
  }
  for (const node of nodes) {
    const [element = '', signal = ''] = node.name.split('.')
    const isMemory = node.name !== node.binding.signal
    const object = objectOf(isMemory ? 'memory' : element)
    addVariable(namespace, object, isMemory ? node.name : signal, node, furnishing)
  }
  for (const { element, command } of movablesOf(nodes)) {
    addMove(namespace, objectOf(element), element, command, furnishing)
  }
}

function addVariable(
  namespace: Namespace,
  componentOf: UAObject,
  browseName: string,
  node: CellNode,
  { library, device, scanCycle }: Furnishing,
): void {
  const { DataType, DataValue, StatusCodes } = library
  const { name, isWritable, unit, usual, holds } = node
  const dataType = DataType[node.dataType]
  const options = {
    componentOf,
    browseName,
    nodeId: `s=${name}`,
    dataType: node.dataType,
    accessLevel: isWritable ? 'CurrentRead | CurrentWrite' : 'CurrentRead',
    // Nothing changes more often than the PLC scans.
    minimumSamplingInterval: scanCycle,
  } as const
  const variable = unit
    ? namespace.addAnalogDataItem({
        ...options,
        engineeringUnits: engineeringUnit(unit),
        engineeringUnitsRange: usual,
        instrumentRange: holds,
      })
    : namespace.addVariable(options)
  // The range of the instrument says what the cell can hold: nobody changes it.
  const range = variable.getPropertyByName('InstrumentRange') as UAVariable | null
  if (range) range.accessLevel = library.makeAccessLevelFlag('CurrentRead')
  variable.bindVariable(
    {
      timestamped_get: () => {
        const { status, value, at } = device.read(node)
        return new DataValue({
          ...(value === undefined ? {} : { value: { dataType, value: typed(node, value) } }),
          statusCode: StatusCodes[status],
          sourceTimestamp: new Date(at),
        })
      },
      timestamped_set: async ({ value }: Library.DataValue) =>
        StatusCodes[device.write(node, Number(value.value))],
    },
    true,
  )
}

/** What to move an actuator with, other than by writing: a call with where to as its only argument. */
function addMove(
  namespace: Namespace,
  object: UAObject,
  element: string,
  command: CellNode,
  { library, device }: Furnishing,
): void {
  const { DataType, StatusCodes } = library
  const method = namespace.addMethod(object, {
    browseName: 'move',
    nodeId: `s=${element}.move`,
    inputArguments: [{ name: 'to', dataType: DataType.Double, description: { text: 'as in command' } }],
    outputArguments: [],
  })
  method.bindMethod(async ([to]: Library.Variant[], _context: unknown) => ({
    statusCode: StatusCodes[device.write(command, Number(to?.value))],
    outputArguments: [],
  }))
}

function typed({ dataType }: CellNode, value: number): number | boolean {
  return dataType === 'Boolean' ? value === 1 : value
}

function engineeringUnit(unit: Unit) {
  return {
    namespaceUri: 'http://www.opcfoundation.org/UA/units/un/cefact',
    unitId: unitId(unit),
    displayName: { text: unit.symbol },
    description: { text: unit.name },
  }
}
