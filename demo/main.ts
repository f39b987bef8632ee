import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Narrator } from './narrator.ts'
import { type Stage, setStage } from './stage.ts'
import { play } from './story.ts'

const HELP = `npm run demo [-- --json | --stay]

Plays the main job on real parts: a TPM, a simulated plant behind Modbus TCP, the agent.

  --json  print one JSON object and nothing else
  --stay  leave everything running and print the addresses
`

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: { json: { type: 'boolean' }, stay: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  const interrupted = new Promise<'interrupted'>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => resolve('interrupted'))
  })
  // Whoever reads the story may have had enough of it.
  process.stdout.on('error', () => process.emit('SIGTERM'))
  await using stage = await setStage()
  const told = await Promise.race([tell(stage, options), interrupted])
  if (told === 'interrupted') return 130
  if (options.stay) await interrupted
  return told
}

async function tell(stage: Stage, options: { json?: boolean; stay?: boolean }): Promise<number> {
  const narrator = new Narrator(options.json === true)
  const findings = await play(stage, narrator)
  const { broken, promises } = narrator
  if (options.json) {
    const stay = options.stay ? { addresses: addressesOf(stage) } : {}
    process.stdout.write(`${JSON.stringify({ ...findings, ...stay, failed: broken }, null, 2)}\n`)
  }
  narrator.say()
  narrator.say(broken.length === 0 ? 'All of it held.' : `${broken.length} of ${promises} did not hold.`)
  if (options.stay) showAround(stage, narrator)
  return broken.length === 0 ? 0 : 1
}

function addressesOf(stage: Stage): Record<string, string> {
  return {
    agent: stage.agent,
    operator_socket: `unix:${join(stage.folder, 'run', 'operator.sock')}`,
    admin_socket: stage.adminSocket,
    plc: `${stage.plc.host}:${stage.plc.port}`,
    tpm: stage.tpm.tcti,
    folder: stage.folder,
  }
}

function showAround(stage: Stage, narrator: Narrator): void {
  const addresses = addressesOf(stage)
  narrator.say()
  narrator.say('Everything stays up until Ctrl-C:')
  for (const [name, address] of Object.entries(addresses)) narrator.say(`   ${name.padEnd(16)} ${address}`)
  narrator.say('Try, in another shell:')
  for (const line of [
    `status --agent ${addresses.operator_socket}`,
    `command inlet-valve open --agent ${addresses.agent} --credential ${addresses.folder}/alice.credential`,
    `credential issue --agent ${addresses.admin_socket} --subject bob --role operator --out bob.credential`,
    `credential drill --agent ${addresses.admin_socket}`,
    `audit verify ${addresses.folder}/state/audit.db`,
  ]) {
    narrator.say(`   bin/holdfast ${line}`)
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
  process.stderr.write(`The demo could not be played: ${(error as Error).message}\n`)
  process.exitCode = 1
}
