import type { StatusCode } from 'node-opcua-client'

/**
 * Status codes (OPC 10000-4 §7.39) that say that nothing was done. The others that are bad leave open what was. An unknown
 * session or channel is among them: a server asks whose request it is before it looks at what is asked.
 */
const REFUSING: ReadonlySet<string> = new Set([
  'BadNotWritable',
  'BadWriteNotSupported',
  'BadUserAccessDenied',
  'BadTypeMismatch',
  'BadOutOfRange',
  'BadNodeIdUnknown',
  'BadNodeIdInvalid',
  'BadAttributeIdInvalid',
  'BadMethodInvalid',
  'BadNotExecutable',
  'BadArgumentsMissing',
  'BadTooManyArguments',
  'BadInvalidArgument',
  'BadSecurityModeInsufficient',
  'BadNotSupported',
  'BadNotImplemented',
  'BadInvalidState',
  'BadLocked',
  'BadNothingToDo',
  'BadTooManyOperations',
  'BadServiceUnsupported',
  'BadServerTooBusy',
  'BadTcpServerTooBusy',
  'BadSessionIdInvalid',
  'BadSessionNotActivated',
  'BadSecureChannelIdInvalid',
])

/** Status codes that say that the server does not know our session any more: it ended there, and here nobody was told. */
const SESSION_OVER: ReadonlySet<string> = new Set([
  'BadSessionIdInvalid',
  'BadSessionClosed',
  'BadSessionNotActivated',
  'BadSecureChannelIdInvalid',
  'BadSecureChannelClosed',
])

/** Processing goes on; the server has taken what it was asked (OPC 10000-4 §7.39.2). */
const GOOD_COMPLETES_ASYNCHRONOUSLY = 0x002e_0000

/** Good and nothing else. The lower half of the code says more about the value's way than about the value. */
export function isGood({ value }: Pick<StatusCode, 'value'>): boolean {
  return (value & 0xffff_0000) === 0
}

/** Neither good nor bad, by its two highest bits. */
export function isUncertain({ value }: StatusCode): boolean {
  return value >>> 30 === 1
}

/** Whether what was asked is done, or will be without another word. GoodClamped is neither: something else was done. */
export function isDone(status: StatusCode): boolean {
  return isGood(status) || (status.value & 0xffff_0000) === GOOD_COMPLETES_ASYNCHRONOUSLY
}

/** Whether it says that nothing was done. */
export function isRefusal({ name }: StatusCode): boolean {
  return REFUSING.has(name)
}

/** Whether it says that the session is over, on the server's side. */
export function isSessionOver({ name }: StatusCode): boolean {
  return SESSION_OVER.has(name)
}

/** The status code with which a server refused a whole request, in a ServiceFault or not (once.ts); undefined when it did not. */
export function faultIn(error: unknown): StatusCode | undefined {
  const { response } = error as { response?: { responseHeader?: { serviceResult?: StatusCode } } }
  return response?.responseHeader?.serviceResult
}
