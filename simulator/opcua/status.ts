/** The status codes that a simulated server gives of its own accord, by their names in OPC 10000-6 §A.2. */
export type Status =
  | 'Good'
  | 'UncertainLastUsableValue'
  | 'BadSensorFailure'
  | 'BadOutOfRange'
  | 'BadNotWritable'
  | 'BadNotSupported'
  | 'BadNodeIdUnknown'
  | 'BadDeviceFailure'
  | 'BadResourceUnavailable'
  | 'BadNoCommunication'
  | 'BadUnexpectedError'

/** What an exception of Modbus is on OPC UA, by its code (MODBUS Application Protocol V1.1b3 §7). */
const EXCEPTIONS: Readonly<Record<number, Status>> = {
  1: 'BadNotSupported',
  2: 'BadNodeIdUnknown',
  3: 'BadOutOfRange',
  4: 'BadDeviceFailure',
  6: 'BadResourceUnavailable',
  10: 'BadNoCommunication',
  11: 'BadNoCommunication',
}

/** The status that a client is given instead of an exception of this code. */
export function statusOfException(code: number): Status {
  return EXCEPTIONS[code] ?? 'BadUnexpectedError'
}
