import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { describePoint, type ModbusPoint } from '../drivers/modbus/point.ts'
import { setpointAt } from '../model/setpoint.ts'
import type { Actuator } from './command/actuator.ts'
import { Progress } from './command/progress.ts'
import type { ActuatorConfig } from './config/config.ts'
import { loadConfig } from './config/load.ts'
import { formatProblems } from './config/problem.ts'
import { Devices } from './devices.ts'
import { systemClock } from './time/system-clock.ts'

interface Probed {
  readonly actuator: string
  readonly role: 'command' | 'feedback'
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
    process.stderr.write(`${formatProblems(loaded.problems)}\n`)
    return 2
  }
  const { config } = loaded
  await using devices = new Devices(config, systemClock, randomBytes, new Progress(systemClock))
  await devices.attempted
  const probed = await Promise.all(
    [...devices.actuators.values()].flatMap(actuator => {
      const points = config.actuators.get(actuator.id)
      return points ? [probe(actuator, points, 'command'), probe(actuator, points, 'feedback')] : []
    }),
  )
  const ok = probed.every(({ quality }) => quality === 'good')
  process.stdout.write(options.json ? `${JSON.stringify({ ok, points: probed })}\n` : formatTable(probed))
  return ok ? 0 : 4
}

async function probe(
  actuator: Actuator,
  { device, command, feedback }: ActuatorConfig,
  role: Probed['role'],
): Promise<Probed> {
  const point = role === 'command' ? command : feedback
  const name = role === 'command' ? actuator.commandPoint : actuator.feedbackPoint
  const reading = await actuator.driver.read(name, AbortSignal.timeout(actuator.deviceTimeout))
  const about = { actuator: actuator.id, role, device, point: placeOf(point) }
  if (reading.kind === 'failed')
    return { ...about, quality: 'bad', value: null, age_ms: null, means: reading.reason }
  const isEcho = isDeepStrictEqual(command, feedback)
  return {
    ...about,
    quality: 'good',
    value: reading.value,
    age_ms: Math.ceil(reading.age),
    means: role === 'command' && !isEcho ? written(actuator, reading.value) : shown(actuator, reading.value),
  }
}

function placeOf(point: ModbusPoint): string {
  return `${describePoint(point)} ${point.address}`
}

/** Which position is commanded by what a command point holds. */
function written({ domain }: Actuator, value: number): string {
  if (domain.kind === 'range') return domain.unit
  const found = [...domain.positions].find(([, { write }]) => write === value)
  return found ? found[0] : 'no position is written so'
}

function shown({ domain, tolerance }: Actuator, value: number): string {
  if (domain.kind === 'range') return domain.unit
  return String(setpointAt(domain, value, tolerance) ?? 'between positions')
}

function formatTable(probed: readonly Probed[]): string {
  const rows = probed.map(({ actuator, role, device, point, quality, value, age_ms, means }) => [
    actuator,
    role,
    device,
    point,
    quality,
    value === null ? '' : String(value),
    age_ms === null ? '' : `${age_ms}ms`,
    means,
  ])
  const table = [['ACTUATOR', 'ROLE', 'DEVICE', 'POINT', 'QUALITY', 'VALUE', 'AGE', ''], ...rows]
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
