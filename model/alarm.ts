import type { AlarmForm, Severity } from './alarm-form.ts'
import { ACCESS_ALARMS } from './alarms/access.ts'
import { GATEWAY_ALARMS } from './alarms/gateway.ts'
import { PLANT_ALARMS } from './alarms/plant.ts'

/** Every alarm that there is. No other can be raised: that does not compile. */
export const ALARMS = { ...PLANT_ALARMS, ...ACCESS_ALARMS, ...GATEWAY_ALARMS } as const

export type AlarmName = keyof typeof ALARMS

export const ALARM_NAMES = Object.keys(ALARMS) as readonly AlarmName[]

/** What is known of an alarm of a name. */
export function formOf(name: AlarmName): AlarmForm {
  return ALARMS[name]
}

/** What an alarm is about, and what else there is to say of it. Values are texts, because they become members of records. */
export interface AlarmAbout {
  readonly actuator?: string
  readonly device?: string
  readonly reading?: string
  readonly listener?: string
  readonly identity?: string
  /** A credential's serial. */
  readonly credential?: string
  /** Not part of what it is about: why, as a code. */
  readonly cause?: string
  readonly reason?: string
}

/** Raises an alarm. Returns at once and never throws: a trip does not wait for it. */
export type RaiseAlarm = (name: AlarmName, detail: string, about?: AlarmAbout, severity?: Severity) => void

/** Says that what an alarm told of is over. */
export type ClearAlarm = (name: AlarmName, detail?: string, about?: AlarmAbout) => void

/** Tells alarms of one name apart. Two with the same key are one alarm that was raised twice. */
export function alarmKey(name: AlarmName, about: AlarmAbout): string {
  const { actuator, device, reading, listener, identity, credential } = about
  return JSON.stringify([name, actuator, device, reading, listener, identity, credential])
}
