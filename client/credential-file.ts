import { open, readFile, rm } from 'node:fs/promises'
import type { Credential } from '../model/credential.ts'
import { parseKeyId } from '../model/credential.ts'

/** Reads a credential file. Returns what is wrong, in words, when it is not one. */
export async function readCredentialFile(path: string): Promise<Credential | string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    return `cannot read the credential file ${path}: ${(error as Error).message}`
  }
  try {
    const { keyid, secret } = JSON.parse(text) as Partial<Credential>
    if (typeof keyid !== 'string' || !parseKeyId(keyid))
      return `${path} is not a credential file: its keyid is malformed`
    if (typeof secret !== 'string' || Buffer.from(secret, 'base64url').length !== 32) {
      return `${path} is not a credential file: its secret is not 32 bytes`
    }
    return { keyid, secret }
  } catch {
    return `${path} is not a credential file: it is not JSON`
  }
}

/** A credential file that is there, empty, and waits for its credential. */
export interface NewCredentialFile {
  write(credential: Credential): Promise<void>
  /** Takes the file away again, when no credential came of it. */
  discard(): Promise<void>
}

/**
 * Makes a credential file, readable by its owner alone, before the credential is asked for: one that was issued and cannot
 * be kept is lost. Rejects when there is a file of that name already.
 */
export async function createCredentialFile(path: string): Promise<NewCredentialFile> {
  const file = await open(path, 'wx', 0o600)
  return {
    write: async ({ keyid, secret }) => {
      await file.writeFile(`${JSON.stringify({ keyid, secret }, null, 2)}\n`)
      await file.sync()
      await file.close()
    },
    discard: async () => {
      await file.close()
      await rm(path, { force: true })
    },
  }
}
