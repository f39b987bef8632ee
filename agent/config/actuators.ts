import { z } from 'zod'
import { fitsTable, isWritable, type ModbusTable } from '../../drivers/modbus/point.ts'
import { describeDomain, type Position, resolveSetpoint, type SetpointDomain } from '../../model/setpoint.ts'
import type { ActuatorConfig } from './config.ts'
import { name, timeout } from './forms.ts'
import { describeNames, type Names } from './names.ts'
import { pointForm, resolvePoint } from './points.ts'
import type { Path, Report } from './problem.ts'

const position = z.strictObject({
  write: z.int('expected the whole number to write'),
  feedback: z.number('expected the feedback value that shows it'),
})

const people = z.int('expected how many people it takes: 1 or 2').min(1).max(2)
const approvalsForm = z.union(
  [
    people.transform(both => ({ command: both, reset: both })),
    z.strictObject({ command: people.default(1), reset: people.default(1) }),
  ],
  'expected how many people it takes: 1 or 2, or { command: 2, reset: 1 }',
)

export const actuatorForm = z.strictObject({
  description: z.string().max(200).default(''),
  device: name,
  command: pointForm,
  feedback: pointForm,
  feedback_is_command: z.boolean().default(false),
  positions: z.record(name, position).optional(),
  range: z
    .strictObject({
      min: z.number(),
      max: z.number(),
      unit: z.string().default(''),
      step: z.number().positive().default(1),
    })
    .optional(),
  safe: z.union(
    [z.string(), z.number()],
    'expected the setpoint that is safe: a position, or a value in range',
  ),
  tolerance: z.number().min(0).default(0),
  travel_time: timeout,
  approvals: approvalsForm.default({ command: 1, reset: 1 }),
})

export type ActuatorFile = z.output<typeof actuatorForm>

/** Checks what one actuator means. */
export function resolveActuator(
  id: string,
  actuator: ActuatorFile,
  names: Names,
  report: Report,
): ActuatorConfig | undefined {
  const at = (...steps: Path): Path => ['actuators', id, ...steps]
  if (!names.devices.includes(actuator.device)) {
    report(at('device'), `there is no device ${actuator.device}; there ${describeNames(names.devices)}`)
  }
  const command = resolvePoint(actuator.command)
  const feedback = resolvePoint(actuator.feedback)
  if (!isWritable(command.table)) {
    report(at('command'), `a ${command.table} cannot be written: expected a coil or a holding_register`)
  }
  const isEcho = command.table === feedback.table && command.address === feedback.address
  if (isEcho !== actuator.feedback_is_command) {
    report(
      at(isEcho ? 'feedback' : 'feedback_is_command'),
      isEcho
        ? "this is the point that is written: reading it back shows the device's memory and not the plant. Where there is no other, say feedback_is_command: true"
        : 'the feedback is another point than the one that is written: leave this out',
    )
  }
  const domain = resolveDomain(actuator)
  if (!domain) {
    report(at(), 'expected either positions (named) or range (min and max)')
    return undefined
  }
  checkDomain(domain, command.table, (path, message) => report(at(...path), message), actuator.tolerance)
  const safe = resolveSetpoint(domain, actuator.safe)
  if (!safe) {
    report(
      at('safe'),
      `the actuator cannot take ${JSON.stringify(actuator.safe)}: expected ${describeDomain(domain)}`,
    )
    return undefined
  }
  return {
    id,
    description: actuator.description,
    device: actuator.device,
    command,
    feedback,
    domain,
    safe,
    tolerance: actuator.tolerance,
    travelTime: actuator.travel_time,
    approvals: actuator.approvals,
  }
}

/** What is written for any setpoint must fit the table, and its feedback must tell positions apart. */
function checkDomain(domain: SetpointDomain, table: ModbusTable, report: Report, tolerance: number): void {
  if (domain.kind === 'range') {
    const ends = [domain.min, domain.max, domain.min + domain.step]
    if (domain.min < domain.max && ends.every(end => fitsTable(table, end))) return
    report(['range'], `expected whole numbers that fit a ${table}, min below max, and a whole step`)
    return
  }
  for (const [name, { write }] of domain.positions) {
    if (!fitsTable(table, write)) report(['positions', name, 'write'], `${write} does not fit a ${table}`)
  }
  if (nearestFeedback(domain.positions) <= 2 * tolerance) {
    report(['tolerance'], 'with this tolerance two positions cannot be told apart by their feedback')
  }
}

function resolveDomain({ positions, range }: ActuatorFile): SetpointDomain | undefined {
  if (positions && !range && Object.keys(positions).length > 0)
    return { kind: 'positions', positions: new Map(Object.entries(positions)) }
  if (range && !positions) return { kind: 'range', ...range }
  return undefined
}

/** The smallest distance between the feedback values of two positions. */
function nearestFeedback(positions: ReadonlyMap<string, Position>): number {
  const sorted = [...positions.values()].map(({ feedback }) => feedback).sort((a, b) => a - b)
  return Math.min(...sorted.slice(1).map((value, index) => value - (sorted[index] ?? value)))
}
