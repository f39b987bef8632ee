export interface LockoutView {
  readonly subject: string
  readonly reason: string
  readonly until: string
}

/** What people have put between commands and one actuator, as `status` has it. */
export interface GuardsView {
  readonly locked_out?: readonly LockoutView[]
  readonly awaiting_approval?: readonly {
    readonly action: string
    readonly setpoint?: string | number
    readonly subject: string
    readonly until: string
  }[]
  readonly selected?: readonly {
    readonly setpoint: string | number
    readonly subject: string
    readonly until: string
  }[]
}

/** Says it in lines for the table, without indentation. */
export function describeGuards({
  locked_out = [],
  awaiting_approval = [],
  selected = [],
}: GuardsView): string[] {
  return [
    ...locked_out.map(describeLockout),
    ...awaiting_approval.map(
      ({ action, setpoint, subject, until }) =>
        `waits for a second person until ${until}: ${action}${setpoint === undefined ? '' : ` ${setpoint}`}, asked for by ${subject}`,
    ),
    ...selected.map(({ setpoint, subject, until }) => `${setpoint} is selected by ${subject} until ${until}`),
  ]
}

export function describeLockout({ subject, reason, until }: LockoutView): string {
  return `LOCKED OUT by ${subject} until ${until}: ${reason}`
}
