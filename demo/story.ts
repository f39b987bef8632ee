import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../agent/time/system-clock.ts'
import type { Credential } from '../model/credential.ts'
import { FORGERIES, forge } from './forgery.ts'
import type { Narrator } from './narrator.ts'
import { isClosed, isSafe, PlcWatch } from './plc-watch.ts'
import type { Said, Stage } from './stage.ts'
import { tamperWithCopy } from './tamper.ts'

/** What the demo found; printed whole with --json. */
export interface Findings {
  tpm: string
  command: { outcome: unknown; latency_ms: unknown; read_back: number }
  forged: { attempts: number; refused: number; safe_ms: number; feedback_ms: number }
  /** Where the trip left the plant. */
  final: Record<string, string>
  refused: { reason: unknown; detail: unknown }
  towards_safe: { outcome: unknown }
  reset: { outcome: unknown; by: string; control: unknown }
  audit: { records: unknown; verified: unknown; tampered_record: number; tamper_detected_at: unknown }
}

/** Plays the main job from beginning to end. */
export async function play(stage: Stage, narrator: Narrator): Promise<Findings> {
  narrator.say('holdfast demo: a water treatment plant with an inlet valve and a coolant pump.')
  narrator.say(`Everything here is a process of its own; their files are in ${stage.folder}.`)

  narrator.chapter(1, 'A master key in a TPM')
  narrator.say(
    `   ${stage.tpm.kind === 'device' ? 'This machine has a TPM' : 'This machine has no TPM that may be used, so there is one in software (swtpm)'}: ${stage.tpm.tcti}`,
  )
  const enrolled = await stage.holdfast('enroll', '--config', stage.config)
  narrator.expect(
    `the master key is in the TPM (${enrolled.json.mode}), bound to ${enrolled.json.pcrs}`,
    enrolled.code === 0,
  )

  narrator.chapter(2, 'The plant')
  await using plc = await PlcWatch.open(stage.plc)
  const before = await plc.read()
  narrator.say(
    `   a PLC on Modbus TCP at ${stage.plc.host}:${stage.plc.port}: valve at ${before.valvePosition} ‰, pump ${before.pumpRunning ? 'on' : 'off'}`,
  )
  narrator.expect(
    'the valve is closed and the pump is off to begin with',
    isClosed(before) && !before.pumpRunning,
  )

  narrator.chapter(3, 'The agent')
  const { readyMs } = await stage.startAgent()
  narrator.expect(`the agent is ready after ${readyMs} ms, at ${stage.agent}`, readyMs > 0)

  narrator.chapter(4, 'One signed command')
  const alice = await issue(stage, 'alice', 'operator', '15m', 'inlet-valve')
  narrator.say('   alice has a credential for 15 minutes and the inlet valve')
  const opened = await command(stage, 'alice', 'inlet-valve', 'open')
  const readBack = (await plc.read()).valvePosition
  narrator.say(`   $ holdfast command inlet-valve open   → ${describe(opened)}`)
  narrator.expect(
    `the valve is open: the PLC's own register shows ${readBack} ‰`,
    opened.json.outcome === 'verified' && readBack >= 990,
  )

  narrator.chapter(5, 'Five forged commands')
  const forged = await forge(stage, alice, plc)
  narrator.say(`   ${forged.refused} of ${FORGERIES} were refused: 403 Forbidden - Invalid Signature`)
  narrator.say(
    `   after the fifth it took ${forged.safeMs.toFixed(1)} ms until the PLC's registers said closed and on,`,
  )
  narrator.say(
    `   and ${forged.feedbackMs.toFixed(0)} ms until the valve had travelled and the pump was running`,
  )
  narrator.expect('all five were refused', forged.refused === FORGERIES)
  const final = await plc.read()
  narrator.expect(
    'the inlet valve went to closed and the coolant pump to on',
    Number.isFinite(forged.safeMs) && Number.isFinite(forged.feedbackMs) && isSafe(final),
  )

  narrator.chapter(6, 'The operator, and the way back')
  await untilTripped(stage)
  const refused = await command(stage, 'alice', 'inlet-valve', 'open')
  narrator.say(`   $ holdfast command inlet-valve open   → ${describe(refused)}`)
  narrator.say(`     ${refused.json.detail}`)
  narrator.expect(
    'the rightful operator is refused, with the reason',
    refused.code === 3 && refused.json.code === 'tripped',
  )
  const towardsSafe = await command(stage, 'alice', 'inlet-valve', 'closed')
  narrator.expect(
    `a command towards safe is accepted: ${describe(towardsSafe)}`,
    towardsSafe.json.outcome === 'verified',
  )
  await issue(stage, 'erika', 'engineer', '15m')
  const resets: Said[] = []
  const asErika = ['--agent', stage.agent, '--credential', join(stage.folder, 'erika.credential')]
  for (const actuator of ['coolant-pump', 'inlet-valve']) {
    await stage.holdfast('acknowledge', actuator, ...asErika)
    const reset = await stage.holdfast(
      'reset',
      actuator,
      ...asErika,
      '--reason',
      'forgeries found and stopped',
    )
    resets.push(reset)
    narrator.say(
      `   $ holdfast acknowledge ${actuator}; holdfast reset ${actuator}   → ${reset.json.outcome ?? reset.json.detail}`,
    )
  }
  narrator.expect(
    'erika, an engineer, has acknowledged and reset both; nothing moved',
    resets.every(({ code }) => code === 0) && isSafe(await plc.read()),
  )
  const again = await command(stage, 'alice', 'inlet-valve', 'open')
  narrator.expect(`alice has control again: ${describe(again)}`, again.json.outcome === 'verified')
  const closed = await command(stage, 'alice', 'inlet-valve', 'closed')
  narrator.expect(
    `and closes the valve before she leaves: ${describe(closed)}`,
    closed.json.outcome === 'verified',
  )

  narrator.chapter(7, 'The audit log')
  const verified = await stage.holdfast('audit', 'verify', stage.auditLog)
  narrator.expect(
    `the separate verifier finds ${verified.json.records} records, all as they were written`,
    verified.code === 0,
  )
  const tampered = await tamperWithCopy(stage.auditLog, join(stage.folder, 'tampered.db'))
  const caught = await stage.holdfast(
    'audit',
    'verify',
    tampered.path,
    '--key',
    join(stage.folder, 'state', 'audit.vkey'),
  )
  narrator.say(`   one bit flipped in record ${tampered.seq} of a copy   → ${caught.json.detail}`)
  narrator.expect(
    `the verifier names record ${caught.json.tamper_detected_at}`,
    caught.code === 4 && caught.json.tamper_detected_at === tampered.seq,
  )

  return {
    tpm: `${stage.tpm.kind === 'device' ? 'device' : 'swtpm'} (${enrolled.json.mode}, ${enrolled.json.pcrs})`,
    command: { outcome: opened.json.outcome, latency_ms: opened.json.latency_ms, read_back: readBack },
    forged: {
      attempts: FORGERIES,
      refused: forged.refused,
      safe_ms: round(forged.safeMs),
      feedback_ms: round(forged.feedbackMs),
    },
    final: {
      'inlet-valve': isClosed(final) ? 'closed' : `${final.valvePosition} per mille open`,
      'coolant-pump': final.pumpRunning ? 'on' : 'off',
    },
    refused: { reason: refused.json.code, detail: refused.json.detail },
    towards_safe: { outcome: towardsSafe.json.outcome },
    reset: { outcome: resets.at(-1)?.json.outcome, by: 'erika', control: again.json.outcome },
    audit: {
      records: verified.json.records,
      verified: verified.json.verified,
      tampered_record: tampered.seq,
      tamper_detected_at: caught.json.tamper_detected_at,
    },
  }
}

async function issue(
  stage: Stage,
  subject: string,
  role: string,
  lifetime: string,
  actuator?: string,
): Promise<Credential> {
  const file = join(stage.folder, `${subject}.credential`)
  const words = [
    'credential',
    'issue',
    '--agent',
    stage.adminSocket,
    '--subject',
    subject,
    '--role',
    role,
    '--lifetime',
    lifetime,
    '--out',
    file,
  ]
  const issued = await stage.holdfast(...words, ...(actuator ? ['--actuator', actuator] : []))
  if (issued.code !== 0) throw new Error(`no credential for ${subject}: ${JSON.stringify(issued.json)}`)
  return JSON.parse(await readFile(file, 'utf8')) as Credential
}

async function command(stage: Stage, who: string, actuator: string, setpoint: string): Promise<Said> {
  const credential = join(stage.folder, `${who}.credential`)
  return await stage.holdfast(
    'command',
    actuator,
    setpoint,
    '--agent',
    stage.agent,
    '--credential',
    credential,
  )
}

/** Waits until the agent itself has seen both actuators safe, by their feedback. */
async function untilTripped(stage: Stage): Promise<void> {
  const deadline = systemClock.monotonic() + 10_000
  while (systemClock.monotonic() < deadline) {
    const { json } = await stage.holdfast(
      'status',
      '--agent',
      `unix:${join(stage.folder, 'run', 'operator.sock')}`,
    )
    const actuators = json.actuators as { phase: string }[] | undefined
    if (actuators?.every(({ phase }) => phase === 'tripped')) return
  }
}

function describe({ json }: Said): string {
  if (json.outcome === 'verified')
    return `${json.found}, verified in ${Math.round(Number(json.latency_ms))} ms`
  return String(json.title ?? json.detail)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
