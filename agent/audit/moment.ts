import { parseDuration, type UnixMs } from '../../model/time.ts'

const RFC_3339 = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/** What `parseMoment` takes, for help texts and refusals. */
export const MOMENT_FORM =
  'a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31 (UTC), or how long ago: 90m, 24h, 7d'

/** Reads a moment as a person gives it: RFC 3339, a day in UTC, or how long ago. Undefined when it is none of them. */
export function parseMoment(text: string, now: UnixMs): UnixMs | undefined {
  const ago = parseDuration(text)
  if (ago !== undefined) return now - ago
  if (!RFC_3339.test(text)) return undefined
  const moment = Date.parse(text)
  if (Number.isNaN(moment)) return undefined
  // The 31st of February is read as the 3rd of March.
  const day = text.slice(0, 10)
  const isDay = new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
  return isDay ? moment : undefined
}
