import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { type Owner, replaceFile } from '../../../keep/whole-file.ts'
import type { UnixMs } from '../../../model/time.ts'
import { readGuardedFile } from '../file/guarded-file.ts'

/** An opened emergency key on its way from whoever opened it to the agent's next start. */
export interface Handover {
  /** 32 bytes; whoever gets it wipes it. */
  readonly key: Uint8Array
  /** When the emergency credential ends. */
  readonly until: UnixMs
}

const HandoverFile = z.strictObject({ key: z.base64url().length(43), until: z.int() })
const LENGTH_MAX = 256

/** Leaves an opened key for the next start. `owner` is whom the state directory belongs to: the agent's user. */
export async function leaveHandover(path: string, { key, until }: Handover, owner: Owner): Promise<void> {
  const text = JSON.stringify({ key: Buffer.from(key).toString('base64url'), until })
  await replaceFile(path, text, 0o600, owner)
}

export type TakenHandover =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'taken' } & Handover)
  | { readonly kind: 'refused'; readonly detail: string }

/** Takes what was left, once: the file is gone before its key is of any use. `user` is `process.getuid()`. */
export async function takeHandover(path: string, user: number): Promise<TakenHandover> {
  const read = await readGuardedFile(path, { user, modeMax: 0o600, lengthMax: LENGTH_MAX })
  if (read.kind === 'fault') {
    if (read.cause === 'missing') return { kind: 'none' }
    return { kind: 'refused', detail: `${path} is not to be trusted: ${read.cause}` }
  }
  using file = read
  await rm(path)
  {
    await using folder = await open(dirname(path), 'r')
    await folder.sync()
  }
  const parsed = HandoverFile.safeParse(parseJson(Buffer.from(file.bytes).toString()))
  if (!parsed.success) return { kind: 'refused', detail: `${path} was not what \`break-glass open\` leaves` }
  return { kind: 'taken', key: Buffer.from(parsed.data.key, 'base64url'), until: parsed.data.until }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
