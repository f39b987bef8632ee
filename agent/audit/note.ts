import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'

/**
 * Signed notes with Ed25519 (C2SP signed-note): a text, a blank line, and lines of
 * `— <key name> base64(key id ‖ signature)`.
 */

/** Signature type of plain Ed25519 (C2SP signed-note, signature types). */
const ED25519 = 0x01
const ID_LENGTH = 4
const KEY_LENGTH = 32
/** Most signature lines that are looked at. The format asks for at least 16. */
const SIGNATURES_MAX = 16

/** PKCS #8 and SPKI wrappings of a bare Ed25519 seed and key (RFC 8410 §7, §4). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** A key name: not empty, without spaces, plus signs and control characters. */
const NAME_FORM = /^[^\s+\p{Cc}]+$/u

/** A private key with the name under which it signs. Can be posted to a thread; the seed cannot be read from it by mistake. */
export interface NoteSigner {
  readonly name: string
  readonly key: KeyObject
}

/** A public key with its name: what a verifier must get by a way that whoever edits the log cannot reach. */
export interface NoteVerifier {
  readonly name: string
  readonly id: Uint8Array
  readonly key: KeyObject
}

/** Makes a signer from a 32-byte Ed25519 seed (RFC 8032 §5.1.5). Throws RangeError on another length or a name that is none. */
export function signerFrom(name: string, seed: Uint8Array): NoteSigner {
  if (seed.length !== KEY_LENGTH) throw new RangeError(`an Ed25519 seed has ${KEY_LENGTH} bytes`)
  if (!NAME_FORM.test(name)) throw new RangeError('a key name is not empty and has no space and no plus sign')
  const der = Buffer.concat([PKCS8_PREFIX, seed])
  try {
    return { name, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) }
  } finally {
    der.fill(0)
  }
}

/** The verifier that belongs to a signer. */
export function verifierOf(signer: NoteSigner): NoteVerifier {
  const key = createPublicKey(signer.key)
  return { name: signer.name, id: keyId(signer.name, bare(key)), key }
}

/** Writes a public key as one line of text: `<name>+<key id in hex>+base64(0x01 ‖ key)`. */
export function formatVkey(verifier: NoteVerifier): string {
  const typed = Buffer.concat([Uint8Array.of(ED25519), bare(verifier.key)])
  return `${verifier.name}+${Buffer.from(verifier.id).toString('hex')}+${typed.toString('base64')}`
}

/** Reads a public key's line; undefined when it is not one, or its id does not belong to its name and key. */
export function parseVkey(text: string): NoteVerifier | undefined {
  // The base64 part may itself have plus signs; the name may not.
  const [, name = '', id = '', base64 = ''] =
    /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text.trim()) ?? []
  const typed = Buffer.from(base64, 'base64')
  if (!NAME_FORM.test(name) || typed.length !== 1 + KEY_LENGTH || typed[0] !== ED25519) return undefined
  const key = typed.subarray(1)
  if (keyId(name, key).toString('hex') !== id) return undefined
  return {
    name,
    id: Buffer.from(id, 'hex'),
    key: createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key]), format: 'der', type: 'spki' }),
  }
}

/** Signs a text, which must end with a newline and must have no control character but newlines. */
export function signNote(text: string, signer: NoteSigner): string {
  const signature = sign(null, Buffer.from(text), signer.key)
  const { id } = verifierOf(signer)
  return `${text}\n— ${signer.name} ${Buffer.concat([id, signature]).toString('base64')}\n`
}

/** A note taken apart. Nothing in it is known to be genuine. */
export interface Note {
  /** What was signed, with its last newline. */
  readonly text: string
  readonly signatures: readonly {
    readonly name: string
    readonly id: Uint8Array
    readonly signature: Uint8Array
  }[]
}

/** Takes a note apart; undefined when it is not of the form. */
export function parseNote(note: string): Note | undefined {
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n') || hasControl(note)) return undefined
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > SIGNATURES_MAX) return undefined
  const signatures: Note['signatures'][number][] = []
  for (const line of lines) {
    const [, name = '', base64 = ''] = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? []
    const bytes = Buffer.from(base64, 'base64')
    // One signature has one text: unused bits at the end of the base64 are zero.
    if (!NAME_FORM.test(name) || bytes.length <= ID_LENGTH || bytes.toString('base64') !== base64)
      return undefined
    signatures.push({ name, id: bytes.subarray(0, ID_LENGTH), signature: bytes.subarray(ID_LENGTH) })
  }
  return { text: note.slice(0, split + 1), signatures }
}

/**
 * Whether the key signed the note. Lines of other keys are passed over, as the format demands; one line of this key
 * that does not verify spoils the note.
 */
export function isSignedBy(note: Note, verifier: NoteVerifier): boolean {
  const own = note.signatures.filter(
    ({ name, id }) => name === verifier.name && Buffer.compare(id, verifier.id) === 0,
  )
  return (
    own.length > 0 &&
    own.every(({ signature }) => verify(null, Buffer.from(note.text), verifier.key, signature))
  )
}

/** Key id: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key) (C2SP signed-note, Ed25519 signatures). */
function keyId(name: string, key: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(ED25519), key])
  return hash('sha256', typed, 'buffer').subarray(0, ID_LENGTH)
}

/** The 32 bytes of a public key without their wrapping. */
function bare(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
}

/** Whether a text has a control character other than newline. */
function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text.replaceAll('\n', ''))
}
