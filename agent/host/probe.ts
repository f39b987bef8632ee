import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { canRead, nameOf, type Point } from '../../drivers/point.ts'
import { EXIT } from '../../model/exit.ts'
import { jsonLine, plain, plainLines } from '../../model/plain.ts'
import { setpointAt } from '../../model/setpoint.ts'
import type { Millis } from '../../model/time.ts'
import { Progress } from '../command/progress.ts'
import type { ActuatorConfig, Config, ReadingConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { Devices } from '../devices.ts'
import { commandPoint, fallbackPoint, feedbackPoint, readingPoint } from '../point-names.ts'
import { systemClock } from '../time/system-clock.ts'

/** One configured point, as its device answered for it. */
export interface Probed {
  /** The actuator or the reading that the point is of. */
  readonly name: string
  readonly role: 'command' | 'feedback' | 'fallback' | 'reading'
  readonly device: string
  readonly point: string
  readonly quality: 'good' | 'bad'
  readonly value: number | null
  readonly age_ms: number | null
  /** What the value stands for: a position's name, or nothing that the actuator knows. */
  readonly means: string
}

/**
 * `holdfast device probe`: reads every configured point from its device and writes nothing. Needs no running agent, and no
 * key. Exit code 0 when all could be read, 4 when not, 2 for the configuration.
 */
export async function probeDevices(options: { config: string; json?: boolean }): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') {
    process.stderr.write(plainLines(`${formatProblems(loaded.problems)}\n`))
    return EXIT.usage
  }
  const { points, twins } = await probePoints(loaded.config)
  for (const twin of twins)
    process.stderr.write(plainLines(`${twin}: give them the same host, or declare it once\n`))
  const ok = points.every(({ quality }) => quality === 'good')
  process.stdout.write(options.json ? jsonLine({ ok, points }) : plainLines(formatTable(points)))
  return ok ? EXIT.done : EXIT.unproven
}

/** What came of reading every configured point once. */
export interface Probe {
  readonly points: readonly Probed[]
  /** Devices that turned out to be one, in words. */
  readonly twins: readonly string[]
}

/** Reads every point of a configuration's actuators and readings from its device, once. Writes nothing. */
export async function probePoints(config: Config): Promise<Probe> {
  await using devices = new Devices(config, systemClock, randomBytes, new Progress(systemClock))
  await devices.attempted
  const ofActuators = [...config.actuators.values()].flatMap(actuator => {
    // A method cannot be read: there is nothing to look at before it is called.
    const command = canRead(actuator.command) ? [commandOf(actuator)] : []
    return [...command, feedbackOf(actuator), ...fallbackOf(actuator)]
  })
  const wishes = [...ofActuators, ...[...config.readings.values()].map(readingOf)]
  const points = await Promise.all(
    wishes.map(wish => probe(wish, devices, config.devices.get(wish.device)?.timeout ?? 0)),
  )
  return {
    points,
    twins: devices.twins.map(([id, twin, peer]) => `${id} and ${twin} are one unit at ${peer}`),
  }
}

interface Wish {
  readonly name: string
  readonly role: Probed['role']
  readonly device: string
  readonly point: Point
  /** What the driver calls the point. */
  readonly key: string
  means(value: number): string
}

function commandOf(actuator: ActuatorConfig): Wish {
  const isEcho = isDeepStrictEqual(actuator.command, actuator.feedback)
  return {
    name: actuator.id,
    role: 'command',
    device: actuator.device,
    point: actuator.command,
    key: commandPoint(actuator.id),
    means: value => (isEcho ? shown(actuator, value) : written(actuator, value)),
  }
}

function feedbackOf(actuator: ActuatorConfig): Wish {
  return {
    name: actuator.id,
    role: 'feedback',
    device: actuator.device,
    point: actuator.feedback,
    key: feedbackPoint(actuator.id),
    means: value => shown(actuator, value),
  }
}

/** Where the device keeps what it would do without us; few actuators declare it. */
function fallbackOf(actuator: ActuatorConfig): Wish[] {
  const point = actuator.fallback?.point
  if (!point) return []
  const key = fallbackPoint(actuator.id)
  return [
    {
      name: actuator.id,
      role: 'fallback',
      device: actuator.device,
      point,
      key,
      means: value => written(actuator, value),
    },
  ]
}

function readingOf({ id, device, point, unit }: ReadingConfig): Wish {
  return { name: id, role: 'reading', device, point, key: readingPoint(id), means: () => unit }
}

async function probe(wish: Wish, devices: Devices, timeout: Millis): Promise<Probed> {
  const { name, role, device, key, means } = wish
  const reading = await devices.read(device, key, timeout)
  const about = { name, role, device, point: nameOf(wish.point) }
  return reading.kind === 'value'
    ? {
        ...about,
        quality: 'good',
        value: reading.value,
        age_ms: Math.ceil(reading.age),
        means: means(reading.value),
      }
    : { ...about, quality: 'bad', value: null, age_ms: null, means: reading.reason }
}

/** Which position is commanded by what a command point holds. */
function written({ domain }: ActuatorConfig, value: number): string {
  if (domain.kind === 'range') return domain.unit
  const found = [...domain.positions].find(([, { write }]) => write === value)
  return found ? found[0] : 'no position is written so'
}

function shown({ domain, tolerance }: ActuatorConfig, value: number): string {
  if (domain.kind === 'range') return domain.unit
  return String(setpointAt(domain, value, tolerance) ?? 'between positions')
}

function formatTable(probed: readonly Probed[]): string {
  const rows = probed.map(({ name, role, device, point, quality, value, age_ms, means }) =>
    [
      name,
      role,
      device,
      point,
      quality,
      value === null ? '' : String(value),
      age_ms === null ? '' : `${age_ms}ms`,
      means,
    ].map(plain),
  )
  const table = [['NAME', 'ROLE', 'DEVICE', 'POINT', 'QUALITY', 'VALUE', 'AGE', ''], ...rows]
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map(row => (row[column] ?? '').length)),
  )
  const lines = table.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const bad = probed.filter(({ quality }) => quality === 'bad').length
  const verdict = bad === 0 ? 'every point was read' : `${bad} of ${probed.length} points could not be read`
  return `${lines.join('\n')}\n\n${verdict}; nothing was written.\n`
}
