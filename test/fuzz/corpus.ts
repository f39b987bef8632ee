import { readFileSync } from 'node:fs'

/** Texts of one form: those that are of it, and those that are not and must be refused. */
export interface Corpus {
  readonly read: readonly string[]
  readonly refused: readonly string[]
}

export const KEYIDS = read('keyids')
export const SIGNATURE_INPUTS = read('signature-inputs')
export const SIGNATURES = read('signatures')
export const CONTENT_DIGESTS = read('content-digests')
/** Bodies of commands. */
export const BODIES = read('bodies')

/** What comes in on a connection, one character a byte. None of it is signed. */
export const REQUESTS = load('requests') as readonly string[]

function read(name: string): Corpus {
  return load(name) as Corpus
}

function load(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`corpus/${name}.json`, import.meta.url), 'utf8'))
}
