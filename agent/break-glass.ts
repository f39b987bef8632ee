import { randomBytes } from 'node:crypto'
import { access, stat } from 'node:fs/promises'
import { createCredentialFile } from '../client/credential-file.ts'
import type { Owner } from '../keep/whole-file.ts'
import { EXIT } from '../model/exit.ts'
import { jsonLine, plainLines } from '../model/plain.ts'
import { Refusal } from '../model/refusal.ts'
import { BREAK_GLASS_ROLE } from '../model/role.ts'
import { parseDuration } from '../model/time.ts'
import type { Config } from './config/config.ts'
import { loadConfig } from './config/load.ts'
import { formatProblems } from './config/problem.ts'
import { BREAK_GLASS_HANGS_ON, breakGlassEpochKey } from './credential/break-glass/break-glass.ts'
import { BREAK_GLASS_MAX, type Handover, leaveHandover } from './credential/break-glass/handover.ts'
import { openBreakGlass } from './credential/break-glass/seal.ts'
import { readSheet } from './credential/break-glass/sheet.ts'
import { forge } from './credential/mint.ts'
import { floorPath, openGlassPath, sealedGlassPath } from './paths.ts'
import { floorFile, KeptClock } from './time/kept-clock.ts'
import { systemClock } from './time/system-clock.ts'

export interface OpenGlassOptions {
  readonly config: string
  /** Where the emergency credential goes. */
  readonly out: string
  /** How long it is good for, from now. */
  readonly for: string
  readonly json?: boolean
}

/**
 * `holdfast break-glass open`: makes a credential of the sealed emergency key, which it opens with the sheet's code from `input`, and leaves
 * the code for the agent's next start. For root, on the gateway. Exit code 0, or 2 with the reason and nothing changed.
 */
export async function openGlass(
  options: OpenGlassOptions,
  input: AsyncIterable<Buffer | string>,
  user: number,
): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { config } = loaded
  const length = parseDuration(options.for)
  if (length === undefined || length > BREAK_GLASS_MAX)
    return fail(`--for ${options.for}: expected a duration up to 8h, such as 1h`)
  const owner = await stat(config.stateDir).catch((error: Error) => error.message)
  if (typeof owner === 'string') return fail(`the state directory cannot be used: ${owner}`)
  const untimed = await clockTrouble(config)
  if (untimed !== undefined)
    return fail(
      `${untimed}. To the agent the emergency credential would have ended before it began.\nNothing was changed. Set the clock, or when it is right: holdfast clock accept. Then again.`,
    )
  if (user !== 0) return fail('only root opens it, on the gateway itself')
  const line = await firstLine(input)
  const sheet = readSheet(line, config)
  if (sheet.kind === 'refused')
    return fail(`the sheet: ${sheet.detail}\nNothing was changed. Give its line on standard input.`)
  if (await isThere(openGlassPath(config))) {
    sheet.code.fill(0)
    return fail(
      `it is opened already, for the agent's next start: systemctl restart holdfast.\nNothing was changed. Where its credential is lost or its time is over: rm ${openGlassPath(config)}, then again.`,
    )
  }
  // The envelope belongs to the agent's user, also where root opens it.
  const opened = await openBreakGlass(sealedGlassPath(config), sheet.code, config, owner.uid)
  if (opened.kind === 'refused') {
    sheet.code.fill(0)
    return fail(`${opened.detail}\nNothing was changed.`)
  }
  const until = systemClock.wall() + length
  const trouble = await leave(config, options.out, opened.key, { code: sheet.code, until }, owner)
  opened.key.fill(0)
  sheet.code.fill(0)
  if (trouble !== undefined) return fail(trouble)
  const ends = new Date(until).toISOString()
  process.stdout.write(
    plainLines(
      options.json
        ? jsonLine({ opened: true, file: options.out, until: ends })
        : [
            `The glass is broken: ${options.out} is the emergency credential, good until ${ends} once the agent has restarted.`,
            'Next: systemctl restart holdfast',
            `Then: holdfast command ACTUATOR SETPOINT --credential ${options.out}`,
            'When it is over: holdfast break-glass close, and holdfast break-glass seal for a new sheet. This one is used up.',
            '',
          ].join('\n'),
    ),
  )
  return EXIT.done
}

/** Why the agent would not believe the time that is now, if it would not. */
async function clockTrouble(config: Config): Promise<string | undefined> {
  const known = await floorFile(floorPath(config))
    .load()
    .catch(() => undefined)
  return new KeptClock(systemClock, known?.floor).trouble
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** Writes the credential, and leaves the code for the next start, which ends the envelope. Returns what went wrong. */
async function leave(
  config: Config,
  out: string,
  key: Uint8Array,
  handover: Handover,
  owner: Owner,
): Promise<string | undefined> {
  const epochKey = breakGlassEpochKey(key, config)
  const { environment, gateway } = config
  const now = systemClock.wall()
  const order = {
    subject: BREAK_GLASS_ROLE,
    role: BREAK_GLASS_ROLE,
    caveats: [],
    lifetime: handover.until - now,
  }
  const minted = forge(epochKey, { environment, gateway, ...BREAK_GLASS_HANGS_ON }, order, now, randomBytes)
  epochKey.fill(0)
  if (minted instanceof Refusal) return minted.detail
  const file = await createCredentialFile(out).catch((error: Error) => error.message)
  if (typeof file === 'string')
    return `${out} cannot be made: ${file}\nNothing was changed. The sheet is still good.`
  try {
    await file.write(minted)
    await leaveHandover(openGlassPath(config), handover, owner)
  } catch (error) {
    return `it could not be left for the agent: ${(error as Error).message}`
  }
  return undefined
}

async function firstLine(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text.split('\n')[0] ?? ''
}

function fail(message: string): number {
  process.stderr.write(plainLines(`${message}\n`))
  return EXIT.usage
}
