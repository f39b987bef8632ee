/**
 * The ways in which 32 bytes may stand somewhere, as Latin-1 texts: as they are, in hexadecimal, in base64 and base64url, and in
 * either of these inside something longer, at each of the three places where a byte can begin.
 */
export function tracesOf(secret: Uint8Array): readonly string[] {
  const bytes = Buffer.from(secret)
  const inside = [0, 1, 2].map(offset => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replaceAll('=', '')
    // The first and the last characters hold bits of the neighbours too.
    return shifted.slice(offset + 1, -1)
  })
  const hexadecimal = bytes.toString('hex')
  const base64 = [...inside, ...inside.map(text => text.replaceAll('+', '-').replaceAll('/', '_'))]
  return [bytes.toString('latin1'), hexadecimal, hexadecimal.toUpperCase(), ...base64]
}

/** The names of those secrets that have left a trace in what was written. */
export function foundIn(written: Uint8Array | string, secrets: ReadonlyMap<string, Uint8Array>): string[] {
  const text = typeof written === 'string' ? Buffer.from(written).toString('latin1') : latin1(written)
  return [...secrets].flatMap(([name, secret]) =>
    tracesOf(secret).some(trace => text.includes(trace)) ? [name] : [],
  )
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
