import { z } from 'zod'
import {
  canRead,
  canWrite,
  holds,
  isWhole,
  kindOf,
  originOf,
  type Point,
  resolutionOf,
  sharesWith,
  takesPositionsOnly,
} from '../../drivers/point.ts'
import { describeDomain, type Position, resolveSetpoint, type SetpointDomain } from '../../model/setpoint.ts'
import { commandLimitForms, resolvePace } from './command-limits.ts'
import type { ActuatorConfig, DeviceConfig } from './config.ts'
import { checkProtocol, checkPulse } from './devices.ts'
import { resolveFallback } from './fallbacks.ts'
import { name, timeout } from './forms.ts'
import { guardForms } from './guards.ts'
import { describeNames, type Names } from './names.ts'
import { missingForWrite, pointForm, resolvePoint } from './points.ts'
import type { Path, Report } from './problem.ts'
import type { WatchdogFile } from './watchdogs.ts'

const position = z.strictObject({
  write: z.number('expected the value to write'),
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
    'expected the setpoint that is safe: a position, a value in range, or hold',
  ),
  tolerance: z.number().min(0).default(0),
  travel_time: timeout,
  approvals: approvalsForm.default({ command: 1, reset: 1 }),
  device_fallback: pointForm.optional(),
  on_stop: z.enum(['keep', 'safe'], 'expected keep or safe').default('keep'),
  ...commandLimitForms,
  ...guardForms,
})

export type ActuatorFile = z.output<typeof actuatorForm>

const WRITABLE = 'expected a coil, a holding_register, or a node with its data_type'

/** An actuator without its guards, which name other actuators. */
export type BareActuator = Omit<ActuatorConfig, 'guards'>

/** Checks what one actuator means. */
export function resolveActuator(
  id: string,
  actuator: ActuatorFile,
  names: Names,
  devices: ReadonlyMap<string, DeviceConfig>,
  watchdog: WatchdogFile | undefined,
  report: Report,
): BareActuator | undefined {
  const at = (...steps: Path): Path => ['actuators', id, ...steps]
  if (!names.devices.includes(actuator.device)) {
    report(at('device'), `there is no device ${actuator.device}; there ${describeNames(names.devices)}`)
  }
  const command = resolvePoint(actuator.command)
  const feedback = resolvePoint(actuator.feedback)
  const device = devices.get(actuator.device)
  for (const [key, point] of Object.entries({ command, feedback })) {
    const stray = checkProtocol(point, device)
    if (stray !== undefined) report(at(key), stray)
  }
  if (!canWrite(command)) report(at('command'), `a ${kindOf(command)} cannot be written: ${WRITABLE}`)
  if (!canRead(feedback))
    report(at('feedback'), 'a method has no value: expected a node that shows the position')
  const unsaid = missingForWrite(actuator.command) ?? checkPulse(command, device)
  if (unsaid !== undefined) report(at('command'), unsaid)
  const isEcho = sharesWith(command, feedback)
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
  if (domain.kind === 'range' && takesPositionsOnly(command))
    report(at('range'), 'there is a method for single values only: expected positions')
  // What cannot be written at all has been told; that no value fits it would be the same once more.
  if (canWrite(command))
    checkDomain(domain, command, (path, message) => report(at(...path), message), actuator.tolerance)
  const safe = actuator.safe === HOLD ? undefined : resolveSetpoint(domain, actuator.safe)
  if (!safe && actuator.safe !== HOLD) {
    report(
      at('safe'),
      `the actuator cannot take ${JSON.stringify(actuator.safe)}: expected ${describeDomain(domain)}, or hold`,
    )
    return undefined
  }
  const fallback = resolveFallback(
    { watchdog, command, safe, point: actuator.device_fallback },
    (path, message) => report(at(...path), message),
  )
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
    fallback,
    onStop: actuator.on_stop,
    selectionLasts: actuator.select_before_operate,
    pace: resolvePace(actuator, domain, safe !== undefined, (path, message) => report(at(...path), message)),
  }
}

/** For `safe`: a trip leaves it where it is. */
const HOLD = 'hold'

/** What is written for any setpoint must fit the point, and its feedback must tell positions apart. */
function checkDomain(domain: SetpointDomain, point: Point, report: Report, tolerance: number): void {
  if (domain.kind === 'range') return checkRange(domain, point, report, tolerance)
  for (const [name, { write }] of domain.positions) {
    if (name === HOLD)
      report(
        ['positions', name],
        'as a safe state this word means to stay where it is: call the position something else',
      )
    if (!holds(point, write)) report(['positions', name, 'write'], `${write} does not fit a ${kindOf(point)}`)
  }
  if (nearestFeedback(domain.positions) <= 2 * tolerance) {
    report(['tolerance'], 'with this tolerance two positions cannot be told apart by their feedback')
  }
}

/** The device knows steps of its own: two setpoints must not become one, and rounding must not look like a mismatch. */
function checkRange(
  { min, max, step }: Extract<SetpointDomain, { kind: 'range' }>,
  point: Point,
  report: Report,
  tolerance: number,
): void {
  if (!(min < max && [min, max, min + step].every(end => holds(point, end)))) {
    const whole = isWhole(point) ? 'whole ' : ''
    report(
      ['range'],
      `expected ${whole}numbers that fit a ${kindOf(point)}, min below max, and a ${whole}step`,
    )
    return
  }
  const least = resolutionOf(point)
  if (step < least * (1 - SLACK))
    report(
      ['range', 'step'],
      `the device cannot tell less than ${least} apart: expected a step of that or more`,
    )
  const isEven = [step, min - originOf(point)].every(
    length => least === 0 || Math.abs(length / least - Math.round(length / least)) < SLACK,
  )
  if (!isEven && tolerance < least / 2)
    report(
      ['tolerance'],
      `setpoints are rounded to steps of ${least}: expected a tolerance of at least ${least / 2}`,
    )
}

/** Binary fractions have no 0.1: lengths that a person calls equal differ by less than this part. */
const SLACK = 1e-9

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
