import { open, readFile } from 'node:fs/promises'
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

/** Writes a credential file, readable by its owner alone. Refuses to write over an existing file. */
export async function writeCredentialFile(path: string, { keyid, secret }: Credential): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify({ keyid, secret }, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}
