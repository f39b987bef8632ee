import { error, type Finding, ok, warning } from './finding.ts'

/** The properties of the unit that are asked for. */
export const UNIT_PROPERTIES = [
  'LoadState',
  'UnitFileState',
  'ActiveState',
  'SubState',
  'Result',
  'NRestarts',
  'ActiveEnterTimestamp',
  'ExecMainStatus',
  'DropInPaths',
] as const

type Property = (typeof UNIT_PROPERTIES)[number]

/** What the sandbox of the package scores, and what a drop-in for a serial line or a wider network makes of it, and room. */
const EXPOSURE_MUCH = 2.5
const RESTARTS_MANY = 3

/** Reads what `systemctl show` prints. */
export function parseUnit(text: string): Readonly<Partial<Record<Property, string>>> {
  return Object.fromEntries(
    text.split('\n').flatMap(line => {
      const at = line.indexOf('=')
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
    }),
  )
}

/** `analysed` is what `systemd-analyze security` prints of it; undefined where it could not be asked. */
export function checkUnit(shown: string, analysed: string | undefined): Finding[] {
  const unit = parseUnit(shown)
  if (unit.LoadState !== 'loaded')
    return [error('there is no holdfast.service', 'install the package; docs/runbooks/install.md')]
  return [ofState(unit), ...ofEnabled(unit), ...ofRestarts(unit), ...ofSandbox(unit, analysed)]
}

function ofState({
  ActiveState,
  SubState,
  Result,
  ExecMainStatus,
  ActiveEnterTimestamp,
}: ReturnType<typeof parseUnit>): Finding {
  const mend =
    'journalctl -u holdfast -n 20; then systemctl reset-failed holdfast && systemctl start holdfast'
  switch (ActiveState) {
    case 'active':
      return ok(`holdfast.service runs since ${ActiveEnterTimestamp}`)
    case 'failed':
      return error(`holdfast.service has failed (${Result}, status ${ExecMainStatus})`, mend)
    case 'activating':
      return SubState === 'auto-restart'
        ? error(`holdfast.service ends and is started again (status ${ExecMainStatus})`, mend)
        : ok('holdfast.service is starting')
    default:
      return warning(`holdfast.service does not run (${ActiveState})`, 'systemctl start holdfast')
  }
}

function ofEnabled({ UnitFileState }: ReturnType<typeof parseUnit>): Finding[] {
  return UnitFileState === 'disabled' || UnitFileState === 'masked'
    ? [
        warning(
          `holdfast.service is ${UnitFileState}: it does not start with the host`,
          'systemctl enable holdfast',
        ),
      ]
    : []
}

function ofRestarts({ NRestarts = '0' }: ReturnType<typeof parseUnit>): Finding[] {
  return Number(NRestarts) >= RESTARTS_MANY
    ? [
        warning(
          `systemd has restarted it ${NRestarts} times since it was started`,
          'journalctl -u holdfast -p warning',
        ),
      ]
    : []
}

function ofSandbox(
  { DropInPaths = '' }: ReturnType<typeof parseUnit>,
  analysed: string | undefined,
): Finding[] {
  const dropIns = DropInPaths.split(' ').filter(path => path !== '')
  const named = dropIns.length === 0 ? 'no drop-in' : `with ${dropIns.join(', ')}`
  const [, score] = /Overall exposure level for \S+: ([0-9.]+)/.exec(analysed ?? '') ?? []
  if (score === undefined) return dropIns.length === 0 ? [] : [ok(`its unit is altered ${named}`)]
  return Number(score) <= EXPOSURE_MUCH
    ? [ok(`its sandbox: exposure ${score} of 10, ${named}`)]
    : [
        warning(
          `its sandbox is open: exposure ${score} of 10, ${named}`,
          'systemctl cat holdfast; systemd-analyze security holdfast',
        ),
      ]
}
