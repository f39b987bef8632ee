import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { type Owner, replaceFile } from '../../../keep/whole-file.ts'
import type { Millis, UnixMs } from '../../../model/time.ts'
import { type GuardedFileFault, readGuardedFile } from '../file/guarded-file.ts'
import { CODE_BYTES } from './sheet.ts'

/** How long an emergency credential may be good. */
export const BREAK_GLASS_MAX: Millis = 8 * 3_600_000

/**
 * A sheet's code on its way from root, who was given it, to the agent's next start. It is the code and not the key: the agent opens the
 * envelope with it and believes nothing but what was sealed there.
 */
export interface Handover {
  /** 20 bytes; whoever gets it wipes it. */
  readonly code: Uint8Array
  /** When the emergency credential ends. */
  readonly until: UnixMs
}

const ROOT = 0
const CODE_LENGTH = Math.ceil((CODE_BYTES * 4) / 3)
const HandoverFile = z.strictObject({ code: z.base64url().length(CODE_LENGTH), until: z.int() })
const LENGTH_MAX = 256

/**
 * Leaves a code for the next start: root's file, which nobody else can make, and for the agent's group to read. `owner` is whom the
 * state directory belongs to.
 */
export async function leaveHandover(path: string, { code, until }: Handover, owner: Owner): Promise<void> {
  const text = JSON.stringify({ code: Buffer.from(code).toString('base64url'), until })
  await replaceFile(path, text, modeFor(owner.uid), { uid: ROOT, gid: owner.gid })
}

export type TakenHandover =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'taken' } & Handover)
  | { readonly kind: 'refused'; readonly detail: string }

/** Takes what root left, once: the file is gone before its code is of any use. `user` is `process.getuid()`. */
export async function takeHandover(path: string, user: number): Promise<TakenHandover> {
  const rules = { user, owner: ROOT, modeMax: modeFor(user), lengthMax: LENGTH_MAX }
  const read = await readGuardedFile(path, rules)
  if (read.kind === 'fault') {
    if (read.cause === 'missing') return { kind: 'none' }
    return { kind: 'refused', detail: `${path} is not to be trusted: ${describe(read)}` }
  }
  using file = read
  await rm(path)
  {
    await using folder = await open(dirname(path), 'r')
    await folder.sync()
  }
  const parsed = HandoverFile.safeParse(parseJson(Buffer.from(file.bytes).toString()))
  if (!parsed.success) return { kind: 'refused', detail: `${path} was not what \`break-glass open\` leaves` }
  return { kind: 'taken', code: Buffer.from(parsed.data.code, 'base64url'), until: parsed.data.until }
}

/** Root's file is read by an agent that is not root as one of its group; nobody else of the group gets into the state directory. */
function modeFor(user: number): number {
  return user === ROOT ? 0o600 : 0o640
}

function describe(fault: GuardedFileFault): string {
  return fault.cause === 'owner' ? `it belongs to user ${fault.owner}, and only root leaves it` : fault.cause
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
