import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { measureAudit } from './audit.ts'
import { measureFiveMillion, measureMillion } from './audit-large.ts'
import { measureCommands } from './command.ts'
import { measureCredentials } from './credential.ts'
import { measureDriver } from './driver.ts'
import { measureExposure } from './exposure.ts'
import type { Figure, Run } from './figure.ts'
import { durabilityTrouble } from './folder.ts'
import { measureHangs } from './hang.ts'
import { measureMasterKey } from './master-key.ts'
import { measureMemory } from './memory.ts'
import { measureOpcUa } from './opcua.ts'
import { measurePackage } from './package.ts'
import { measurePlantTrips } from './plant-trip.ts'
import { measurePowerOns } from './power-on.ts'
import { measureReplays } from './replay.ts'
import { formatJson, formatTable } from './report.ts'
import { measureSignatures } from './signature.ts'
import { measureSimulator } from './simulator.ts'
import { measureStart } from './start.ts'
import { measureTrips } from './trip.ts'

const MEASUREMENTS: Readonly<Record<string, (run: Run) => Promise<Figure[]>>> = {
  command: measureCommands,
  trip: measureTrips,
  'plant-trip': measurePlantTrips,
  start: measureStart,
  memory: measureMemory,
  signature: measureSignatures,
  credential: measureCredentials,
  'master-key': measureMasterKey,
  replay: measureReplays,
  audit: measureAudit,
  million: measureMillion,
  'five-million': measureFiveMillion,
  driver: measureDriver,
  package: measurePackage,
  exposure: measureExposure,
  hang: measureHangs,
  'power-on': measurePowerOns,
  opcua: measureOpcUa,
  simulator: measureSimulator,
}
const NAMES = Object.keys(MEASUREMENTS)
/** What takes minutes, or needs more of the host, is measured when it is asked for. */
const UNUSUAL = ['million', 'five-million', 'package', 'hang', 'power-on']
const USUAL = NAMES.filter(name => !UNUSUAL.includes(name))

const HELP = `npm run bench [-- --json | --only NAME]

Measures what the README quotes, each against a limit that is measured in the
same run. It takes about four minutes, on a machine that does nothing else. Its
files go where TMPDIR says, or to /var/tmp.

  --json        print one JSON array and nothing else on standard output
  --only NAME   measure only this, once or more. Measured without it:
                  ${USUAL.join(', ')}
                and only when named:
                  million, five-million: logs of so many records; some minutes
                  package: what is installed, with and without a compiler for JavaScript
                  hang, power-on: the .deb on a machine that is booted for it, as root, after bin/setup --gateway
  --help        this text

Exit codes: 0 all was measured, 1 something could not be, 2 usage, 130 interrupted.
`

async function main(): Promise<number> {
  const options = readOptions()
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n`)
    return 2
  }
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())
  warn(await durabilityTrouble())
  const [load = 0] = loadavg()
  if (load > availableParallelism() / 2)
    warn(`this machine is busy (load ${load.toFixed(1)}): times will be longer than they need be`)

  const figures: Figure[] = []
  let failed = 0
  for (const name of options.only) {
    const progress = (text: string) => warn(`${name}: ${text}`)
    try {
      figures.push(...((await MEASUREMENTS[name]?.({ signal: interrupted.signal, progress })) ?? []))
    } catch (error) {
      if (interrupted.signal.aborted) break
      failed += 1
      warn(`${name} could not be measured: ${(error as Error).message}`)
    }
  }
  if (interrupted.signal.aborted) {
    warn('interrupted; nothing is left running')
    return 130
  }
  if (options.json || figures.length > 0)
    process.stdout.write(options.json ? formatJson(figures) : `\n${formatTable(figures)}`)
  return failed === 0 ? 0 : 1
}

function readOptions(): { json: boolean; help: boolean; only: readonly string[] } | string {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: USUAL },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const unknown = values.only.find(name => !NAMES.includes(name))
    return unknown === undefined
      ? values
      : `there is no measurement ${unknown}: expected one of ${NAMES.join(', ')}`
  } catch (error) {
    return `${(error as Error).message} (--help shows what there is)`
  }
}

function warn(text: string | undefined): void {
  if (text !== undefined) process.stderr.write(`${text}\n`)
}

process.exitCode = await main()
