import { X509Certificate } from 'node:crypto'
import { basename } from 'node:path'
import { EXIT } from '../model/exit.ts'
import type { Clock } from '../model/time.ts'
import { ControlServer } from './control/server.ts'
import { TimeControl } from './control/time.ts'
import { describeNews, FaultFile, FaultFileError, type FaultFileNews } from './fault-file.ts'
import { SerialLineError } from './modbus/serial-line.ts'
import { type Motion, watchMotion } from './motion.ts'
import {
  type Address,
  type Fault,
  type Objection,
  type OpcUaEndpoint,
  type Plant,
  PlantFileError,
  startPlant,
} from './plant.ts'
import { readFaultText } from './plant-file/fault-text.ts'
import { realClock } from './real-clock.ts'
import { ScaledClock } from './scaled-clock.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface SimulateOptions {
  readonly plantFile: string
  /** Instead of the plant file's. */
  readonly host?: string | undefined
  /** Instead of the plant file's; 0 takes a free port. */
  readonly port?: number | undefined
  /** Instead of the plant file's. */
  readonly seed?: number | undefined
  /** How many times as fast as real time; 1 unless given. */
  readonly speed?: number | undefined
  /** Time stands still until the control port lets it pass. */
  readonly stepped?: boolean | undefined
  /** Where the control port listens; there is none unless given. */
  readonly control?: Address | undefined
  /** Set from the start on, besides the plant file's, each as `slow,element=inlet-valve,factor=10`. */
  readonly faults?: readonly string[] | undefined
  /** A file whose faults are set for as long as it lists them. */
  readonly faultFile?: string | undefined
  /** One JSON object a line instead of words. */
  readonly json?: boolean | undefined
}

/**
 * Runs a plant until SIGINT or SIGTERM: `holdfast simulate`. Says on standard output where it listens, then each change
 * of a valve, a pump or a watchdog. Resolves with the exit code: 0 when it was stopped, 2 when it could not start, with
 * the reason on standard error.
 */
export async function simulate(options: SimulateOptions): Promise<number> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const time = new TimeControl(
    options.stepped
      ? { mode: 'stepped', clock: new VirtualClock() }
      : { mode: 'running', clock: new ScaledClock(realClock, options.speed ?? 1) },
  )
  const { clock } = time
  try {
    const faults = readFaults(options.faults ?? [])
    await using plant = await startPlant(
      { file: options.plantFile },
      { clock, host: options.host, port: options.port, seed: options.seed },
    )
    const print = (json: object, words: string) => {
      process.stdout.write(`${options.json ? JSON.stringify(json) : words}\n`)
    }
    await using control = options.control && (await ControlServer.start(options.control, plant, time))
    for (const { fault, text } of faults) await setFault(plant, fault, text)
    const { faultFile: path } = options
    await using faultFile =
      path === undefined ? undefined : await FaultFile.open(path, plant.faults, realClock)
    printStart(plant, print)
    if (control) printControl(control.address, print)
    faultFile?.tell(news => printNews(clock, options.faultFile ?? '', news, print))
    watchMotion(plant, motion => printMotion(clock, motion, print))
    watchObjections(plant, (plc, objection) => printObjection(clock, plc, objection, print))
    watchWatchdogs(plant, (plc, state) => printWatchdog(clock, plc, state, print))
    await stopped
    return EXIT.done
  } catch (error) {
    const reason = describeFailure(error, options)
    if (reason === undefined) throw error
    process.stderr.write(`${reason}\n`)
    return EXIT.usage
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

/** A mistake on the command line: its message is for the person who typed it. */
class UsageError extends Error {}

function readFaults(texts: readonly string[]): { readonly fault: Fault; readonly text: string }[] {
  return texts.map(text => {
    const read = readFaultText(text)
    if (read.kind === 'problem') throw new UsageError(`--fault ${text}: ${read.message}`)
    return { fault: read.fault, text }
  })
}

async function setFault(plant: Plant, fault: Fault, text: string): Promise<void> {
  try {
    await plant.faults.set(fault)
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--fault ${text}: ${error.message}`)
    throw error
  }
}

type Print = (json: object, words: string) => void

function printStart({ plcs, spec }: Plant, print: Print): void {
  for (const { name, address, rtuAddress, unit, opcua } of plcs) {
    const plc = plcs.length > 1 ? { plc: name } : {}
    const who = plcs.length > 1 ? `${spec.plant}, ${name}` : spec.plant
    const { scan_cycle, modbus } = spec.plcs.get(name) ?? spec.plc
    const { serial } = modbus
    const rtu = rtuAddress && { rtu_over_tcp: rtuAddress }
    const ways = [
      `Modbus TCP on ${address.host}:${address.port}`,
      ...(rtuAddress ? [`RTU over TCP on ${rtuAddress.host}:${rtuAddress.port}`] : []),
      ...(serial ? [`RTU on ${serial.path}, ${serial.baud} baud, parity ${serial.parity}`] : []),
      ...(opcua ? [`OPC UA on ${opcua.url}`] : []),
    ]
    print(
      {
        modbus: { ...address, unit, ...rtu, ...(serial && { serial }) },
        plant: spec.plant,
        ...plc,
        ...(opcua && { opcua: opcuaFacts(opcua) }),
        scan_cycle_ms: scan_cycle,
      },
      `${who}: ${ways.join(', ')}, unit ${unit}; Ctrl-C stops it`,
    )
  }
}

/** Where and as whom a PLC serves OPC UA: what a client compares before it trusts. */
function opcuaFacts({ url, namespace, certificate }: OpcUaEndpoint) {
  const { fingerprint256 } = new X509Certificate(certificate)
  return { url, namespace, certificate_sha256: fingerprint256.replaceAll(':', '').toLowerCase() }
}

function printControl({ host, port }: Address, print: Print): void {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/`
  print({ control: url }, `control port and picture of the plant: ${url}`)
  if (!/^(127\.|localhost$|::1$)/.test(host)) {
    process.stderr.write(`Whoever can reach ${url} can set faults: it asks nobody who they are.\n`)
  }
}

function printMotion(clock: Clock, { element, state, value }: Motion, print: Print): void {
  const time = new Date(clock.wall()).toISOString()
  print({ time, element, state, value }, `${time.slice(11, 23)}  ${element}  ${state}`)
}

/** What nothing was done about goes to standard error. */
function printNews(clock: Clock, path: string, news: FaultFileNews, print: Print): void {
  const words = describeNews(news)
  if (news.kind === 'refused' || news.kind === 'failed') {
    process.stderr.write(`${words}\n`)
    return
  }
  const time = new Date(clock.wall()).toISOString()
  const { kind: state, ...what } = news
  print({ time, fault_file: path, state, ...what }, `${time.slice(11, 23)}  ${basename(path)}  ${words}`)
}

/** Calls back with each change of a watchdog's state. */
function watchWatchdogs(plant: Plant, listener: (plc: string, state: string) => void): void {
  const seen = new Map<string, string>(plant.plcs.map(({ name, watchdog }) => [name, watchdog]))
  plant.onScan(() => {
    for (const { name, watchdog } of plant.plcs) {
      if (seen.get(name) !== watchdog) listener(name, watchdog)
      seen.set(name, watchdog)
    }
  })
}

function printWatchdog(clock: Clock, plc: string, watchdog: string, print: Print): void {
  const time = new Date(clock.wall()).toISOString()
  print({ time, plc, watchdog }, `${time.slice(11, 23)}  ${plc}  watchdog ${watchdog}`)
}

function watchObjections(plant: Plant, listener: (plc: string, objection: Objection) => void): void {
  for (const plc of plant.plcs) plc.onObjection(objection => listener(plc.name, objection))
}

function printObjection(clock: Clock, plc: string, { peer, reason, more }: Objection, print: Print): void {
  const time = new Date(clock.wall()).toISOString()
  const before = more > 0 ? ` (and ${more} more since the last was told)` : ''
  print(
    { time, plc, peer, refused: reason, ...(more > 0 && { more }) },
    `${time.slice(11, 23)}  ${plc}  refused ${peer}: ${reason}${before}`,
  )
}

/** What went wrong, where, and what to do about it; undefined for what is our own bug. */
function describeFailure(
  error: unknown,
  { plantFile, faultFile, host, port }: SimulateOptions,
): string | undefined {
  if (error instanceof PlantFileError) {
    const count = error.lines.length === 1 ? 'one problem' : `${error.lines.length} problems`
    return `${error.message}\nThe plant was not started: correct ${count} in ${plantFile} and start it again.`
  }
  if (error instanceof FaultFileError) {
    return `${error.message}\nThe plant was not started: correct the fault file and start it again.`
  }
  if (error instanceof UsageError || error instanceof SerialLineError) return error.message
  if (!(error instanceof Error) || !('code' in error)) return undefined
  const failed = error as NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }
  if (failed.syscall === 'watch') {
    return `The folder of ${faultFile} cannot be watched (${failed.code}). It has to be there, and you must be allowed to read it.`
  }
  if (failed.path !== undefined && failed.path !== plantFile) {
    return `${failed.path} cannot be used (${failed.code}). The plant keeps its certificates beside its file: copy ${plantFile} to a folder of your own.`
  }
  const where = `${failed.address ?? host ?? 'its host'}:${failed.port ?? port ?? 'its port'}`
  switch (failed.code) {
    case 'EADDRINUSE':
      return `The port is taken: ${where}. Stop what listens there, or choose another with --port or --control (0 takes a free one).`
    case 'EACCES':
      if (failed.syscall === 'open') break
      return `Not allowed to listen on ${where}. Choose a port above 1023 with --port or --control.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `Cannot listen on ${where}: this machine has no such address. Choose one of its own with --host.`
    case 'ERR_SOCKET_BAD_PORT':
      return `${port} is no port. Choose one from 0 to 65535 with --port.`
    case 'ENOENT':
      return `There is no plant file ${plantFile}. examples/water-treatment/plant.yaml is one to start from.`
  }
  if (failed.syscall === 'open' || failed.syscall === 'read') {
    return `The plant file ${plantFile} cannot be read (${failed.code}). Check its path and permissions.`
  }
  return undefined
}
