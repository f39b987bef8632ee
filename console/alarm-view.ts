/** An alarm, as the agent shows it: to the command line and to the panel. */
export interface AlarmView {
  readonly id: number
  readonly alarm: string
  readonly state: string
  readonly severity: string
  readonly priority: number
  readonly actuator?: string
  readonly device?: string
  readonly reading?: string
  readonly listener?: string
  readonly identity?: string
  readonly credential?: string
  readonly detail: string
  readonly consequence: string
  readonly remedy: string
  readonly count: number
  readonly first: string
  readonly last: string
  readonly acknowledged?: { readonly by: string; readonly at: string }
  readonly shelved?: { readonly by: string; readonly until: string; readonly reason: string }
}

/** What an alarm is about, where it is about one thing. */
export function aboutOf({
  actuator,
  device,
  reading,
  listener,
  identity,
  credential,
}: AlarmView): string | undefined {
  return actuator ?? device ?? reading ?? listener ?? identity ?? credential
}

/** How many alarms want somebody, for the headline of `status`; nothing where none does. */
export function countAlarms(alarms: readonly AlarmView[]): string[] {
  const open = alarms.filter(({ state }) => state !== 'shelved')
  const unseen = open.filter(({ acknowledged }) => acknowledged === undefined)
  if (open.length === 0) return []
  const critical = unseen.filter(({ severity }) => severity === 'critical').length
  const noun = open.length === 1 ? 'ALARM' : 'ALARMS'
  return [
    unseen.length === 0
      ? `${open.length} ${noun}, acknowledged`
      : `${open.length} ${noun} (${unseen.length} NOT ACKNOWLEDGED${critical > 0 ? `, ${critical} CRITICAL` : ''})`,
  ]
}
