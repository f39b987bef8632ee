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
  const { DataType, DataValue, StatusCodes, VariantArrayType } = library
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
      timestamped_set: async ({ value, statusCode }: Library.DataValue) => {
        // The library lets a list through, and would make a number of it: an empty one would be 0, which is a command.
        if (value.arrayType !== VariantArrayType.Scalar) return StatusCodes.BadTypeMismatch
        // What its writer does not call good moves nothing. A server need not take a status (OPC 10000-4 §5.11.4).
        if (statusCode.isNotGood()) return StatusCodes.BadWriteNotSupported
        return StatusCodes[device.write(node, Number(value.value))]
      },
    },
    true,
  )
  if (isWritable) refuseRanges(variable, library)
}

/**
 * Refuses to write a part of a value: there are only numbers here, and they have none. The library would write first, and answer
 * then that it cannot.
 */
function refuseRanges(variable: UAVariable, { StatusCodes }: typeof Library): void {
  type Written = Parameters<UAVariable['writeValue']>
  type Answer = (error: Error | null, status?: Library.StatusCode) => void
  const write = variable.writeValue.bind(variable)
  const guarded = (context: Written[0], value: Written[1], range: NumericRange, answer: Answer) =>
    range.isEmpty() ? write(context, value, range, answer) : answer(null, StatusCodes.BadIndexRangeNoData)
  variable.writeValue = guarded as UAVariable['writeValue']
}

/** Which part of a list is meant, as the library has it: empty for all of the value. */
type NumericRange = Exclude<Parameters<UAVariable['writeValue']>[2], string | null | undefined>

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
