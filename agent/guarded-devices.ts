import type { GuardedDevice } from '../failsafe/watchdog/guarded-device.ts'
import type { Actuator } from './command/actuator.ts'
import type { Config } from './config/config.ts'
import { fallbackPoint } from './point-names.ts'

/** The devices that have a watchdog, each with the outputs on it. */
export function guardedDevices(
  config: Config,
  actuators: ReadonlyMap<string, Actuator>,
): readonly GuardedDevice[] {
  return [...config.devices].flatMap(([id, device]): GuardedDevice[] => {
    if (device.kind !== 'modbus') return []
    const { watchdog, timeout } = device
    const on = [...config.actuators.values()].filter(({ device }) => device === id)
    const driver = actuators.get(on[0]?.id ?? '')?.driver
    if (!watchdog || !driver) return []
    const outputs = on.flatMap(({ id: actuator, fallback, safe }) => {
      const known = actuators.get(actuator)
      if (!known || !fallback) return []
      return {
        actuator,
        commandPoint: known.commandPoint,
        staysCommanded: known.staysCommanded,
        fallbackPoint: fallback.point && fallbackPoint(actuator),
        safe,
        tolerance: fallback.tolerance,
      }
    })
    return [{ id, driver, timeout, watchdog: watchdog.spec, onStop: watchdog.onStop, outputs }]
  })
}
