import { watchdogCells } from '../plc/watchdog.ts'
import type { SignalDirection } from '../process/signal.ts'
import { asList, asMapping } from './document.ts'
import type { Problem } from './problem.ts'
import { addressesOf } from './register-form.ts'
import { interlockForm, watchdogForm } from './safeguard.ts'

/** What a PLC's safeguards may refer to. */
export interface KnownSignals {
  readonly signals: ReadonlyMap<string, SignalDirection>
  /** Whether nothing is to be said of a signal, because its element is reported elsewhere. */
  isOdd(signal: string): boolean
}

type Path = readonly PropertyKey[]

/**
 * Checks a PLC's watchdog, fallbacks and interlocks against its address map, and every interlock against the plant's
 * signals. Like the other checks it passes over what has no usable shape.
 */
export function safeguardProblems(plc: unknown, path: Path, known: KnownSignals): Problem[] {
  const { watchdog: rawWatchdog, interlocks, modbus: rawModbus } = asMapping(plc) ?? {}
  const modbus = asMapping(rawModbus)
  const watchdog = watchdogForm.safeParse(rawWatchdog)
  const taken = new Taken(modbus)
  const problems: Problem[] = []
  if (watchdog.success) {
    const { holding, input } = watchdogCells(watchdog.data)
    for (const address of holding)
      problems.push(...taken.take('holding_registers', address, [...path, 'watchdog']))
    for (const address of input)
      problems.push(...taken.take('input_registers', address, [...path, 'watchdog']))
  }
  for (const table of ['coils', 'holding_registers']) {
    for (const [i, value] of asList(modbus?.[table]).entries()) {
      const { fallback, fallback_register } = asMapping(value) ?? {}
      const at = [...path, 'modbus', table, i]
      if (fallback !== undefined && rawWatchdog === undefined) {
        problems.push({ path: [...at, 'fallback'], message: 'nothing falls back without plc.watchdog' })
      }
      if (fallback_register === undefined) continue
      if (fallback === undefined) {
        problems.push({ path: [...at, 'fallback_register'], message: 'expected fallback beside it' })
      }
      for (const address of addressesOf(value, fallback_register))
        problems.push(...taken.take('input_registers', address, [...at, 'fallback_register']))
    }
  }
  for (const [i, value] of asList(interlocks).entries()) {
    const interlock = interlockForm.safeParse(value)
    if (!interlock.success) continue
    const { signal, force, discrete_input } = interlock.data
    const at = [...path, 'interlocks', i]
    problems.push(...direction(known, signal, 'measurement', [...at, 'signal']))
    problems.push(...forceProblems(force, modbus, known, [...at, 'force']))
    if (discrete_input !== undefined) {
      problems.push(...taken.take('discrete_inputs', discrete_input, [...at, 'discrete_input']))
    }
  }
  return problems
}

/** An interlock forces what its own PLC commands: nobody else could give the command back when it clears. */
function forceProblems(
  force: string,
  modbus: Record<string, unknown> | undefined,
  known: KnownSignals,
  path: Path,
): Problem[] {
  const cells = ['coils', 'holding_registers'].flatMap(table => asList(modbus?.[table]))
  const commands = cells.flatMap(cell => asMapping(cell)?.signal ?? [])
  if (known.isOdd(force) || known.signals.get(force) !== 'command') {
    return direction(known, force, 'command', path)
  }
  if (commands.includes(force)) return []
  const message = `expected a command of this PLC: ${commands.join(', ') || 'it has none'}; not ${force}`
  return [{ path, message }]
}

/** A signal has to exist and go in this direction. */
export function direction(
  known: KnownSignals,
  signal: string,
  wanted: SignalDirection,
  path: Path,
): Problem[] {
  if (known.isOdd(signal) || known.signals.get(signal) === wanted) return []
  const names = [...known.signals].filter(([, is]) => is === wanted).map(([name]) => name)
  const message = `expected a ${wanted}: ${names.join(', ') || 'this plant has none'}; not ${signal}`
  return [{ path, message }]
}

type TableKey = 'discrete_inputs' | 'holding_registers' | 'input_registers'

/** The addresses of a PLC's map that are in use. */
class Taken {
  readonly #tables: Readonly<Record<TableKey, Set<unknown>>>

  constructor(modbus: Record<string, unknown> | undefined) {
    const of = (table: TableKey) =>
      new Set(asList(modbus?.[table]).flatMap(cell => addressesOf(cell, asMapping(cell)?.address)))
    this.#tables = {
      discrete_inputs: of('discrete_inputs'),
      holding_registers: of('holding_registers'),
      input_registers: of('input_registers'),
    }
  }

  take(table: TableKey, address: unknown, path: Path): Problem[] {
    if (this.#tables[table].has(address)) {
      return [{ path, message: `address ${address} of ${table} is mapped twice` }]
    }
    this.#tables[table].add(address)
    return []
  }
}
