/**
 * The ways in which some 32 bytes may stand somewhere, as Latin-1 texts: as they are, in hexadecimal, in base64 and base64url, and in
 * either of these inside something longer, at each of the three places where a byte can begin. And as a log or a console writes bytes
 * that were handed to it by mistake: hexadecimal with something between, numbers, or numbers with their places.
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
  return [...[bytes.toString('latin1'), hexadecimal, hexadecimal.toUpperCase()], ...base64, ...listed(bytes)]
}

/** The bytes one by one. */
function listed(bytes: Buffer): readonly string[] {
  const pairs = [...bytes].map(byte => byte.toString(16).padStart(2, '0'))
  const hexadecimal = [' ', ':'].map(between => pairs.join(between))
  return [
    ...[...hexadecimal, ...hexadecimal.map(text => text.toUpperCase())],
    // JSON of a Buffer, an array as a text, and, drawn together, as `inspect` writes it in lines and columns.
    bytes.join(','),
    // JSON of a Uint8Array.
    [...bytes].map((byte, at) => `"${at}":${byte}`).join(','),
  ]
}

/** The names of those secrets that have left a trace in what was written. */
export function foundIn(written: Uint8Array | string, secrets: ReadonlyMap<string, Uint8Array>): string[] {
  const text = typeof written === 'string' ? Buffer.from(written).toString('latin1') : latin1(written)
  // Lists in lines and columns, also where a text that has them is inside of JSON.
  const drawnTogether = text.replaceAll(/([,:])(?:\s|\\n)+/g, '$1')
  // PEM has its base64 in lines, which a text inside of JSON writes with a backslash, or with several.
  const inOneLine = text.replaceAll(/\s|\\+[rn]/g, '')
  const texts = [text, drawnTogether, inOneLine]
  return [...secrets].flatMap(([name, secret]) =>
    tracesOf(secret).some(trace => texts.some(one => one.includes(trace))) ? [name] : [],
  )
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
