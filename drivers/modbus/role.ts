/** 1.3.6.1.4.1.50316.802.1 in DER: who may do what, in a certificate of MODBUS/TCP Security. */
const ROLE = Buffer.from('2b0601040183890c862201', 'hex')

const SEQUENCE = 0x30
const EXTENSIONS = 0xa3
const OBJECT_IDENTIFIER = 0x06
const OCTET_STRING = 0x04
const UTF8_STRING = 0x0c

interface Element {
  readonly tag: number
  readonly content: Buffer
}

/**
 * The role in a certificate (MB-TCP-Security-v36, role extension: one UTF8String); undefined when there is none, or none that
 * can be read.
 */
export function roleIn(der: Buffer): string | undefined {
  const [certificate] = elementsOf(der)
  const [signed] = elementsOf(certificate?.content)
  const extensions = elementsOf(signed?.content).find(({ tag }) => tag === EXTENSIONS)
  const [list] = elementsOf(extensions?.content)
  for (const { tag, content } of elementsOf(list?.content)) {
    const [identifier, ...rest] = tag === SEQUENCE ? elementsOf(content) : []
    if (identifier?.tag !== OBJECT_IDENTIFIER || !identifier.content.equals(ROLE)) continue
    const [value] = elementsOf(rest.find(one => one.tag === OCTET_STRING)?.content)
    return value?.tag === UTF8_STRING ? value.content.toString('utf8') : undefined
  }
  return undefined
}

/** The elements that lie side by side (X.690 §8.1, definite lengths, as DER has it). Stops at what is none. */
function elementsOf(bytes: Buffer | undefined): Element[] {
  const elements: Element[] = []
  for (let at = 0; bytes && at + 2 <= bytes.length; ) {
    const tag = bytes.readUInt8(at)
    const first = bytes.readUInt8(at + 1)
    const more = first < 0x80 ? 0 : first - 0x80
    const start = at + 2 + more
    if (more > 4 || start > bytes.length) break
    const length = more === 0 ? first : bytes.readUIntBE(at + 2, more)
    if (first === 0x80 || start + length > bytes.length) break
    elements.push({ tag, content: bytes.subarray(start, start + length) })
    at = start + length
  }
  return elements
}
