import type { AlarmForm } from '../alarm-form.ts'

/** Alarms about actuators, readings and devices. */
export const PLANT_ALARMS = {
  trip: {
    severity: 'critical',
    within: 'minutes',
    ends: 'itself',
    cause: 'an actuator is being driven to its safe state, or has left it again, or has not reached it',
    consequence: 'it stays there and production with it; where it was not reached, the plant is not safe',
    remedy: 'look at the plant; then `holdfast acknowledge ACTUATOR`, and `holdfast reset ACTUATOR`',
  },
  'reading-bad': {
    severity: 'warning',
    within: 'minutes',
    ends: 'itself',
    cause: 'a reading has been of bad quality for 2 s; the alarm names what is blind without it',
    consequence: 'an interlock or a limit does not see what it is there for',
    remedy: 'watch what it measured in another way; look at the sensor, its cable and the device',
  },
  'device-disconnected': {
    severity: 'warning',
    within: 'minutes',
    ends: 'itself',
    cause: 'there has been no connection to a device for 5 s',
    consequence: 'nothing on it can be commanded or seen, and no trip can reach it',
    remedy: 'look at the cable, the switch and the device; `holdfast device probe` says what answers',
  },
  'device-unguarded': {
    severity: 'critical',
    within: 'minutes',
    ends: 'itself',
    cause: "a device's watchdog does not run, is not fed, or its fallback is not known to be safe",
    consequence:
      'if this gateway died now, the device would not make the plant safe; commands away from safe are refused',
    remedy: 'do what the alarm says; docs/WATCHDOGS.md. The agent arms it by itself once it can',
  },
  'watchdog-expired': {
    severity: 'critical',
    within: 'minutes',
    ends: 'acknowledging',
    cause: "a device's watchdog was not fed in time",
    consequence: 'its outputs have fallen back, and stay there until somebody commands them',
    remedy: 'look at the plant; then at the network to the device, and at the load of the gateway',
  },
  'stopped-unsafe': {
    severity: 'critical',
    within: 'minutes',
    ends: 'acknowledging',
    cause: 'the agent was stopped, and an actuator that it was to make safe was not seen in its safe state',
    consequence: 'nobody knows that it is safe; its device has to make it so, where it has a watchdog',
    remedy: 'go there: the actuator or its feedback is at fault',
  },
  'watchdog-not-stopped': {
    severity: 'warning',
    within: 'minutes',
    ends: 'acknowledging',
    cause: 'the agent was stopped, and could not switch off a watchdog that was to be',
    consequence: 'it runs out, and its outputs fall back',
    remedy: 'look at the plant and at the connection to the device',
  },
} as const satisfies Readonly<Record<string, AlarmForm>>
