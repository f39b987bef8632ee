import { formatDuration, type Millis, type UnixMs } from '../../model/time.ts'

/** Writes a moment as the wall clock of the control room shows it: the time alone on the same day, else with its date. */
export function clockTime(at: UnixMs, now: UnixMs, timeZone?: string): string {
  const time = written(at, timeZone, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const day = dayOf(at, timeZone)
  return day === dayOf(now, timeZone) ? time : `${day} ${time}`
}

/** Writes a length of time in no more than whole seconds. */
export function seconds(ms: Millis): string {
  return ms < 1000 ? '0s' : formatDuration(Math.floor(ms / 1000) * 1000)
}

/** Writes how long ago something was. */
export function ago(ms: Millis): string {
  return ms < 1000 ? 'just now' : `${seconds(ms)} ago`
}

/** Writes a moment and how long ago it was. */
export function since(iso: string, now: UnixMs, timeZone?: string): string {
  const at = Date.parse(iso)
  return `${clockTime(at, now, timeZone)} (${ago(now - at)})`
}

/** Writes when something ends. */
export function until(iso: string, now: UnixMs, timeZone?: string): string {
  return clockTime(Date.parse(iso), now, timeZone)
}

function dayOf(at: UnixMs, timeZone: string | undefined): string {
  return written(at, timeZone, { year: 'numeric', month: '2-digit', day: '2-digit' })
}

function written(at: UnixMs, timeZone: string | undefined, form: Intl.DateTimeFormatOptions): string {
  // Sweden writes a date as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', {
    ...form,
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(at)
}
