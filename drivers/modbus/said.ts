/**
 * What a connection's trouble is, in one line for a person. OpenSSL's own message begins with an address in memory, names files of its
 * sources and ends a line; what is wrong is in its `reason`.
 */
export function saidOf(error: Error): string {
  if (!('reason' in error) || typeof error.reason !== 'string' || !('library' in error)) return error.message
  const isForeign = error.reason === 'wrong version number'
  return `TLS failed: ${error.reason}${isForeign ? ': is there TLS on this port?' : ''}`
}
