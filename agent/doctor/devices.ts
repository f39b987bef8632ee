import { error, type Finding, ok, warning } from './finding.ts'

/** One point of a device, and what came of reading it. */
export interface ReadPoint {
  readonly device: string
  readonly name: string
  readonly role: string
  readonly quality: 'good' | 'bad'
  /** What the value stands for, or why there is none. */
  readonly means: string
}

/** What came of reading every point that is configured, once. */
export interface ReadPoints {
  readonly points: readonly ReadPoint[]
  /** Devices that turned out to be one, in words. */
  readonly twins: readonly string[]
}

/** One device a finding: whether it answers, and whether every point that is configured is there; and one for each that two names have. */
export function checkDevices(devices: readonly string[], { points, twins }: ReadPoints): Finding[] {
  if (devices.length === 0)
    return [
      warning('the configuration has no device: there is nothing to command', 'add one; docs/DEVICES.md'),
    ]
  const doubles = twins.map(twin => warning(twin, 'give them the same host, or declare it once'))
  const answers = devices.map(device => {
    const own = points.filter(point => point.device === device)
    const bad = own.filter(({ quality }) => quality === 'bad')
    const [first] = bad
    if (own.length === 0)
      return warning(`${device}: no actuator and no reading is on it`, 'take it out, or use it')
    if (first === undefined) {
      const words = `${own.length} point${own.length === 1 ? '' : 's'}`
      return ok(`${device} answers: ${words} read`)
    }
    if (bad.length === own.length)
      return error(
        `${device} does not answer: ${first.means}`,
        `is it on, and is its address right? holdfast device show ${device}`,
      )
    const names = bad.map(({ name, role, means }) => `${name} ${role}: ${means}`)
    return error(
      `${device} answers, and not for ${names.join('; ')}`,
      'compare these points with its list; holdfast device probe',
    )
  })
  return [...answers, ...doubles]
}

/** What a device's watchdog shows, and what its outputs would fall back to. */
export interface GuardLook {
  readonly device: string
  /** As its driver says it: `running`, `ready`, `off`, `expired`, `untold`; or why it could not be asked. */
  readonly look: { readonly shows: string } | { readonly trouble: string }
  /** What would not fall back to its safe state, in words. */
  readonly disagreements: readonly string[]
}

/** `unguarded` are devices that have actuators and no watchdog. */
export function checkWatchdogs(
  looks: readonly GuardLook[],
  unguarded: readonly string[],
  isRunning: boolean,
): Finding[] {
  return [
    ...looks.flatMap(look => ofLook(look, isRunning)),
    ...unguarded.map(device =>
      warning(
        `${device} has no watchdog: when this gateway dies, its outputs stay as they are`,
        'docs/WATCHDOGS.md, where the device has one',
      ),
    ),
  ]
}

function ofLook({ device, look, disagreements }: GuardLook, isRunning: boolean): Finding[] {
  if ('trouble' in look)
    return [error(`${device}: its watchdog cannot be asked: ${look.trouble}`, 'docs/WATCHDOGS.md')]
  const wrong = disagreements.map(text =>
    error(text, 'the agent does not start until they agree; docs/WATCHDOGS.md'),
  )
  if (wrong.length > 0) return wrong
  const { shows } = look
  if (shows === 'expired')
    return [
      warning(
        `${device}: its watchdog has run out, and its outputs have fallen back`,
        isRunning ? 'holdfast status' : 'start the agent: it arms it again',
      ),
    ]
  if (shows === 'off' && isRunning)
    return [
      error(
        `${device}: its watchdog is off, although an agent runs`,
        'holdfast status; journalctl -u holdfast',
      ),
    ]
  return [
    ok(
      `${device}: its fallback is the safe state; its watchdog ${shows === 'untold' ? 'does not show whether it runs' : `is ${shows}`}`,
    ),
  ]
}
