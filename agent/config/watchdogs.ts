import { z } from 'zod'
import { canWrite, type Point, sharesWith } from '../../drivers/point.ts'
import { BECKHOFF_REGISTERS } from '../../failsafe/watchdog/beckhoff-watchdog.ts'
import { REGISTER_POINTS } from '../../failsafe/watchdog/register-watchdog.ts'
import { WAGO_REGISTERS, WAGO_STEP } from '../../failsafe/watchdog/wago-watchdog.ts'
import type { WatchdogConfig } from './config.ts'
import { timeout } from './forms.ts'
import { missingForWrite, type PointFile, pointForm, resolvePoint } from './points.ts'
import type { Path, Report } from './problem.ts'

const register = z.int('expected a register from 0 to 65535').min(0).max(65535)
const onStop = z.enum(['leave', 'stop'], 'expected leave or stop').default('leave')

export const watchdogForm = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('register'),
      time: timeout,
      register,
      feed: z.enum(['change', 'toggle', 'write'], 'expected change, toggle or write').default('change'),
      time_register: register.optional(),
      rearm: z
        .strictObject({ register, value: z.int('expected a value from 0 to 65535').min(0).max(65535) })
        .optional(),
      status: pointForm.optional(),
      on_stop: onStop,
    }),
    z.strictObject({
      kind: z.literal('beckhoff'),
      time: timeout,
      type: z
        .enum(['telegram', 'write-telegram'], 'expected telegram or write-telegram')
        .default('write-telegram'),
      feed: pointForm.optional(),
      on_stop: onStop,
    }),
    z.strictObject({ kind: z.literal('wago'), time: timeout, on_stop: onStop }),
  ],
  'expected a watchdog of kind register, beckhoff or wago',
)

export type WatchdogFile = z.output<typeof watchdogForm>

const REGISTER_MAX = 0xffff
/** The point that is written to feed a Beckhoff coupler. */
const SPARE = 'watchdog.feed'

/** What a watchdog is made of. `firstFeedback` is a point of the device that can be read without harm. */
export function resolveWatchdog(
  file: WatchdogFile,
  firstFeedback: string | undefined,
): WatchdogConfig | undefined {
  const { time, on_stop: onStop } = file
  switch (file.kind) {
    case 'register': {
      const { feed, time_register, rearm, status } = file
      const points = new Map([[REGISTER_POINTS.feed as string, holding(file.register)]])
      if (time_register !== undefined) points.set(REGISTER_POINTS.time, holding(time_register))
      if (rearm) points.set(REGISTER_POINTS.rearm, holding(rearm.register))
      if (status) points.set(REGISTER_POINTS.status, resolvePoint(status))
      const takesTime = time_register !== undefined
      const spec = { kind: 'register', time, feed, takesTime, showsStatus: status !== undefined } as const
      return { spec: rearm ? { ...spec, rearm: rearm.value } : spec, points, onStop }
    }
    case 'beckhoff': {
      const points = named(BECKHOFF_REGISTERS)
      if (file.feed) points.set(SPARE, resolvePoint(file.feed))
      const feed = file.feed ? SPARE : firstFeedback
      return feed === undefined
        ? undefined
        : { spec: { kind: 'beckhoff', time, type: file.type, feed }, points, onStop }
    }
    case 'wago':
      return { spec: { kind: 'wago', time }, points: named(WAGO_REGISTERS), onStop }
  }
}

interface DeviceWithWatchdog {
  readonly timeout: number
  readonly watchdog?: WatchdogFile | undefined
}

interface Output {
  readonly device: string
  readonly command: PointFile
  readonly device_fallback?: PointFile | undefined
}

/** Checks what watchdogs mean by themselves and beside the outputs of their devices. */
export function checkWatchdogs(
  devices: Readonly<Record<string, DeviceWithWatchdog>>,
  actuators: Readonly<Record<string, Output>>,
  report: Report,
): void {
  for (const [id, { timeout, watchdog }] of Object.entries(devices)) {
    if (!watchdog) continue
    const at = (...steps: Path): Path => ['devices', id, 'watchdog', ...steps]
    const outputs = Object.entries(actuators).filter(([, { device }]) => device === id)
    if (outputs.length === 0) report(at(), 'no actuator is on this device: there is nothing to guard')
    const mistake = mistakeInTime(watchdog)
    if (mistake !== undefined) report(at('time'), mistake)
    else if (watchdog.time < 4 * timeout)
      report(
        at('time'),
        `expected at least four times the device's timeout, which is ${timeout}ms: it is fed at a third of this time, and one answer that is lost must not let it run out`,
      )
    checkKind(watchdog, at, report)
    const written = writtenBy(watchdog)
    for (const [actuator, { command }] of outputs) {
      if (written.some(point => sharesWith(point, resolvePoint(command))))
        report(['actuators', actuator, 'command'], `the watchdog of ${id} writes this point too`)
    }
  }
  for (const [id, { device, device_fallback }] of Object.entries(actuators)) {
    if (device_fallback && !devices[device]?.watchdog)
      report(
        ['actuators', id, 'device_fallback'],
        `nothing makes ${device} fall back: declare its watchdog, or leave this out`,
      )
  }
}

function mistakeInTime({ kind, time, ...watchdog }: WatchdogFile): string | undefined {
  if (kind === 'wago' && (time % WAGO_STEP !== 0 || time / WAGO_STEP > REGISTER_MAX))
    return 'expected whole tenths of a second, 6553.5 s at most'
  const isInRegister =
    kind === 'beckhoff' || ('time_register' in watchdog && watchdog.time_register !== undefined)
  return isInRegister && time > REGISTER_MAX
    ? 'expected 65535ms at most: it is kept in one register'
    : undefined
}

function checkKind(watchdog: WatchdogFile, at: (...steps: Path) => Path, report: Report): void {
  const { kind, on_stop } = watchdog
  if (kind === 'register' && on_stop === 'stop' && watchdog.time_register === undefined)
    report(
      at('on_stop'),
      'nothing switches it off: expected a time_register, in which 0 does, or on_stop: leave',
    )
  if (kind !== 'beckhoff') return
  if (on_stop === 'stop')
    report(at('on_stop'), 'this coupler does not let its watchdog be stopped while it runs: expected leave')
  if (watchdog.type === 'telegram') return
  const unsaid = watchdog.feed && missingForWrite(watchdog.feed)
  if (!watchdog.feed)
    report(
      at(),
      'only writes of outputs feed it: expected feed, an output that nothing is wired to, into which 0 is written. (With type: telegram reads feed it too, and with them whoever looks at the plant)',
    )
  else if (!canWrite(resolvePoint(watchdog.feed)))
    report(at('feed'), 'expected a coil or a holding_register: it is written')
  else if (unsaid !== undefined) report(at('feed'), unsaid)
}

function writtenBy(watchdog: WatchdogFile): Point[] {
  switch (watchdog.kind) {
    case 'register':
      return [watchdog.register, watchdog.time_register, watchdog.rearm?.register]
        .filter(address => address !== undefined)
        .map(holding)
    case 'beckhoff': {
      const spare = watchdog.type === 'write-telegram' && watchdog.feed ? [resolvePoint(watchdog.feed)] : []
      return [...named(BECKHOFF_REGISTERS).values(), ...spare]
    }
    case 'wago':
      return [...named(WAGO_REGISTERS).values()]
  }
}

function named(registers: Readonly<Record<string, number>>): Map<string, Point> {
  return new Map(Object.entries(registers).map(([name, address]) => [name, holding(address)]))
}

function holding(address: number): Point {
  return resolvePoint({ holding_register: address })
}
